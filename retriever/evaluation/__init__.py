"""Batch evaluation: questions with gold against a retriever's answers, measured, compared and shown."""
