"""Any sentence-transformers model; torch is imported here and nowhere else.

Off the network unless a download is allowed; no remote code is run, no pickled weights are read (safetensors only).
"""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from retriever.encoders.catalogue import files_of, prompts, repository_of
from retriever.encoders.protocol import EncoderIdentity, EncoderOptions
from retriever.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class TransformerEncoder:
    """The model called `name` (see `catalogue.files_of`), or the one at that path; vectors are always scaled to unit length.

    Raises ModelError when it is not on this machine and `download` does not allow fetching it, or when it cannot be loaded.
    """

    def __init__(self, name: str, options: EncoderOptions = EncoderOptions(), download: bool = False) -> None:
        if not download:
            os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the hub's library is imported
        folder = files_of(name)
        if folder is None and not download:
            raise ModelError(
                f"{name}: no such model on this machine; see `retriever models`, give the folder of a model, or allow fetching it with --download"
            )
        try:
            from sentence_transformers import SentenceTransformer
            from transformers.utils.logging import disable_progress_bar
        except ImportError as error:
            raise ModelError(
                "sentence-transformers is not installed; pip install sentence-transformers to use --model"
            ) from error
        if not download:
            disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            self._model = SentenceTransformer(
                str(folder or repository_of(name)),
                device="cpu",
                trust_remote_code=False,
                local_files_only=not download,
                model_kwargs={"use_safetensors": True},
            )
        except Exception as error:  # those of safetensors and tokenizers have no narrower class
            reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise ModelError(
                f"{name}: not a model that can be loaded ({reason}); it must be a whole sentence-transformers folder with safetensors weights"
            ) from error
        if options.max_tokens:
            self._model.max_seq_length = options.max_tokens
        self._batch_size = options.batch_size or 32
        query, passage = prompts(name)
        # the weights, not what they give: vectors differ in their last digits with threads and processors
        digest = hashlib.sha256()
        for key, tensor in sorted(self._model.state_dict().items()):
            digest.update(key.encode() + tensor.detach().cpu().float().numpy().tobytes())
        self.identity = EncoderIdentity(
            name=Path(name).name,
            dimension=int(self._encode([""], "").shape[1]),
            digest=digest.hexdigest()[:16],
            query_prompt=query if options.query_prompt is None else options.query_prompt,
            passage_prompt=passage if options.passage_prompt is None else options.passage_prompt,
            max_tokens=options.max_tokens or 0,
        )

    def _encode(self, texts: list[str], prompt: str) -> "NDArray[np.float32]":
        import numpy as np

        vectors = self._model.encode(
            [prompt + text for text in texts],
            batch_size=self._batch_size,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return np.ascontiguousarray(vectors, dtype=np.float32).reshape(len(texts), -1)

    def encode_queries(self, texts: list[str]) -> "NDArray[np.float32]":
        return self._encode(texts, self.identity.query_prompt)

    def encode_passages(self, texts: list[str]) -> "NDArray[np.float32]":
        return self._encode(texts, self.identity.passage_prompt)
