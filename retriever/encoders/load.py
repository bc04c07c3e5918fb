"""From a name to an encoder."""

from pathlib import Path

from retriever.encoders.catalogue import BUNDLED, MODELS
from retriever.encoders.protocol import Encoder, EncoderOptions
from retriever.encoders.static import StaticEncoder, is_static
from retriever.errors import InputError, ModelError


def load_encoder(name: str = BUNDLED, options: EncoderOptions = EncoderOptions(), download: bool = False) -> Encoder:
    """The encoder called `name`: the bundled one, the path of a static model (read without torch), or any sentence-transformers model.

    Raises ModelError when it is not there or not readable, InputError for options that a static model cannot take.
    """
    folder = MODELS / name if name == BUNDLED else Path(name)
    if is_static(folder):
        if options.query_prompt or options.passage_prompt or options.max_tokens:
            raise InputError(
                f"{name}: a static model takes no prompt and no length; leave --query-prompt, --passage-prompt and --max-tokens out"
            )
        return StaticEncoder(folder, name if name == BUNDLED else folder.name)
    if name == BUNDLED:
        raise ModelError(f"{folder}: the bundled model is missing; reinstall the package")
    from retriever.encoders.transformer import TransformerEncoder

    return TransformerEncoder(name, options, download)
