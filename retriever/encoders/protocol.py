"""What every encoder is: the protocol, and the identity by which an index knows its encoder again."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """What an index remembers of its encoder; two encoders of equal identity give equal vectors.

    `max_tokens` is 0 where the model's own limit holds.
    """

    name: str
    dimension: int
    digest: str
    query_prompt: str = ""
    passage_prompt: str = ""
    max_tokens: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """How a model of one's own is used; None leaves it to the model's card (prompts) or its files (length).

    `batch_size` is how many texts are encoded at once and changes no vector worth the name.
    """

    query_prompt: str | None = None
    passage_prompt: str | None = None
    max_tokens: int | None = None
    batch_size: int | None = None


class Encoder(Protocol):
    """Turns texts into float32 vectors of unit length, shape (len(texts), dimension); a text without any known piece gives zeros."""

    identity: EncoderIdentity

    def encode_queries(self, texts: list[str]) -> "NDArray[np.float32]": ...

    def encode_passages(self, texts: list[str]) -> "NDArray[np.float32]": ...
