"""Which names name secrets.

A name is cut into words (``hfToken``, ``HF_TOKEN`` and ``--hf-token`` are hf, token), and classified:

- SECRET: it holds a word such as password, secret or credential, or two words such as api key or
  connection string: whatever it names is a secret, a number too.
- AMBIGUOUS: it ends in token, auth or the like: a text under it is a secret, a number or a truth value is not.
  The tokens of language models (eos token, pad token, image token) are no secrets.
- OPEN: everything else, and every name that ends in a measure or in what describes a secret without
  being one (``key_size``, ``password_length``, ``token_type``, ``max_tokens``, ``tokenizer``).
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from itertools import pairwise

__all__ = ["Secrecy", "classify_name"]


class Secrecy(Enum):
    """How much a name says about what it names."""

    OPEN = "open"
    AMBIGUOUS = "ambiguous"
    SECRET = "secret"  # noqa: S105  the name of a class of names


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_LIMIT = 200


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SECRET_WORDS = _words(
    "secret secrets password passwords passwd passphrase passcode pwd pw pass credential credentials cred creds "
    "apikey apikeys apitoken authorization dsn privkey privatekey secretkey accesskey accesstoken authtoken authkey "
    "cookie cookies connectionstring mnemonic netrc pgpass htpasswd sshkey webhook"
)
_SECRET_ENDINGS = ("password", "passwd", "passphrase", "secret", "apikey", "credentials", "privatekey", "secretkey")
_VENDORS = _words(
    "openai anthropic azure aws gcp google wandb comet neptune hf huggingface github gitlab stripe cohere mistral "
    "replicate together groq nvidia ngc clearml mlflow dagshub kaggle tavily serpapi pinecone datadog sentry"
)
_SECRET_PAIRS = {
    *(("api", word) for word in ("key", "keys", "token", "secret")),
    *(("access", word) for word in ("key", "token")),
    *(("private", word) for word in ("key", "token")),
    *(("auth", word) for word in ("token", "key", "header", "string", "cookie")),
    *(
        (word, "key")
        for word in ("encryption", "signing", "ssh", "account", "storage", "master", "license", "session", "deploy")
    ),
    *((word, "token") for word in ("refresh", "session", "sas", "bot", "bearer", "id", "csrf", "oauth", "service")),
    *((vendor, "key") for vendor in _VENDORS),
    ("connection", "string"),
    ("conn", "str"),
    ("conn", "string"),
    ("seed", "phrase"),
}
_AMBIGUOUS_ENDS = {"token", "auth", "pat", "otp", "totp", "jwt", "bearer", "sas", "nonce"}
_MODEL_TOKENS = _words(
    "eos bos pad padding unk mask cls sep sot eot special start end stop image audio video vision speech text next last first "
    "class separator unknown decoder encoder prefix suffix begin new line newline placeholder time timestamp language "
    "lang task noise blank null target source per by single sub word char patch pool pooling type each global local query "
    "register memory distill dist think tool user assistant system boi eoi im"
)
_DESCRIPTIONS = _words(
    "size dim dims len length count num number bits bytes min max type types level kind limit ratio rate prob "
    "dropout weight weights budget file path dir policy method mode format required enabled disabled id ids idx index name "
    "pos position embedding embeddings"
)
_OPEN_PASS = {
    "forward",
    "backward",
    "low",
    "high",
    "band",
    "by",
    "single",
    "per",
    "n",
    "num",
    "first",
    "second",
    "two",
    "one",
}


@lru_cache(maxsize=4096)
def classify_name(name: str) -> Secrecy:
    """Classify ``name``: a key, an option with its dashes, an environment variable, a dotted path."""
    words = [word.lower() for word in _WORD.findall(name[-_LIMIT:])]
    while words and words[-1].isdigit():
        words.pop()
    if not words:
        return Secrecy.OPEN
    if _has_secret_pair(words) or any(map(_is_secret_word, words[-1:])):
        return Secrecy.OPEN if _is_pass_of_training(words) else Secrecy.SECRET
    if any(map(_is_secret_word, words)) and words[-1] not in _DESCRIPTIONS:
        return Secrecy.OPEN if "pass" in words else Secrecy.SECRET
    return Secrecy.AMBIGUOUS if _ends_ambiguously(words) else Secrecy.OPEN


def _has_secret_pair(words: list[str]) -> bool:
    described = words[-1] in _DESCRIPTIONS - {"id"}
    return not described and any(pair in _SECRET_PAIRS for pair in pairwise(words))


def _is_secret_word(word: str) -> bool:
    return word in _SECRET_WORDS or word.endswith(_SECRET_ENDINGS)


def _is_pass_of_training(words: list[str]) -> bool:
    return words[-1] == "pass" and len(words) > 1 and words[-2] in _OPEN_PASS


def _ends_ambiguously(words: list[str]) -> bool:
    last = words[-1]
    if last == "token" and len(words) > 1:
        return words[-2] not in _MODEL_TOKENS
    if last in _AMBIGUOUS_ENDS:
        return True
    return last.endswith("token") and last.removesuffix("token") not in _MODEL_TOKENS
