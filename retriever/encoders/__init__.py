"""Encoders: texts to unit vectors. The bundled static model without torch; any sentence-transformers model on request."""
