"""Rerankers: how well a text answers a question, judged by reading both together. Any sentence-transformers cross-encoder.

torch and sentence-transformers are imported when a model is loaded, not with this module. Off the network unless a download is
allowed; no remote code is run, no pickled weights are read (safetensors only).
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from retriever.encoders.catalogue import files_of
from retriever.errors import InputError, ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Reranker(Protocol):
    """Scores texts against a question. `name` is what reports call it."""

    name: str

    def scores(self, question: str, texts: list[str]) -> "NDArray[np.float32]":
        """One finite float32 a text, shape (len(texts),), in their order; higher is better, on a scale of the model's own.

        The same arguments give the same scores. Raises ModelError when the model gives none that can be compared.
        """


class CrossEncoderReranker:
    """The cross-encoder called `name`, or the one in that folder; a bare name is one of the hub's "cross-encoder/".

    Scores are those of the model's own last function, computed on the processor in float32 whatever the weights are stored as.
    `batch_size` is how many texts are scored at once and changes no score worth the name. Pairs too long for the model are cut.

    Raises ModelError when the model is not on this machine and `download` does not allow fetching it, when it cannot be loaded,
    or when it is none that ranks: more than one label, or no trained head. InputError for a batch size below 1.
    """

    def __init__(self, name: str, batch_size: int = 32, download: bool = False) -> None:
        if batch_size < 1:
            raise InputError(f"batch size {batch_size}: must be 1 or more")
        if not download:
            os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the hub's library is imported
        wanted = name if "/" in name or os.path.isdir(name) else f"cross-encoder/{name}"
        folder = files_of(wanted)
        if folder is None and not download:
            raise ModelError(
                f"{name}: no such reranker on this machine; give the folder of a cross-encoder, or allow fetching it with --download"
            )
        try:
            from sentence_transformers import CrossEncoder
            from transformers.utils.logging import disable_progress_bar, set_verbosity_error
        except ImportError as error:
            raise ModelError(
                "sentence-transformers is not installed; pip install sentence-transformers to use a reranker"
            ) from error
        set_verbosity_error()  # type: ignore[no-untyped-call]  # its report of what a model lacks; we tell it in a line
        if not download:
            disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            self._model = CrossEncoder(
                str(folder or wanted),
                device="cpu",
                trust_remote_code=False,
                local_files_only=not download,
                model_kwargs={"use_safetensors": True, "torch_dtype": "float32"},
            )
        except Exception as error:  # those of safetensors and tokenizers have no narrower class
            raise ModelError(
                f"{name}: not a reranker that can be loaded ({_reason(error)}); it must be a whole cross-encoder folder with safetensors weights"
            ) from error
        labels = self._model.num_labels
        if labels != 1:
            raise ModelError(f"{name}: a classifier with {labels} labels cannot rank; use a model with one label")
        # to a model without a head the library adds one of random numbers
        head, stored = "ForSequenceClassification", getattr(self._model.config, "architectures", None) or []
        if type(self._model.model).__name__.endswith(head) and not any(kind.endswith(head) for kind in stored):
            raise ModelError(f"{name}: a model without a trained head cannot rank; use a cross-encoder instead")
        self._batch_size = batch_size
        self.name = Path(name).name or name

    def scores(self, question: str, texts: list[str]) -> "NDArray[np.float32]":
        """See `Reranker.scores`; no text gives shape (0,)."""
        import numpy as np

        if not texts:
            return np.zeros(0, dtype=np.float32)
        try:
            pairs = [(question, text) for text in texts]
            found = self._model.predict(pairs, batch_size=self._batch_size, show_progress_bar=False)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise ModelError(
                f"{self.name}: cannot score these texts ({_reason(error)}); fetch the model again, or use a smaller batch or another model"
            ) from error
        scores = np.ascontiguousarray(found, dtype=np.float32).reshape(len(texts))
        if not np.isfinite(scores).all():
            raise ModelError(f"{self.name}: gives scores that are no numbers; fetch the model again or use another")
        return scores


def load_reranker(name: str, download: bool = False) -> Reranker:
    """The reranker called `name`, a name on the hub or the path of a folder; errors as of `CrossEncoderReranker`."""
    return CrossEncoderReranker(name, download=download)


def _reason(error: Exception) -> str:
    """The first line of what an error says."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
