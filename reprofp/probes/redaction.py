"""What must not be written down leaves argument lists, URLs, values and paths before anything records them.

In: text as people and programs gave it. Out: the same text with every secret replaced by ``[redacted]``.
Pure: nothing is read, nothing is remembered. Guaranteed: redacting twice is redacting once.

A value is a secret by its **name** (the rules are in ``secret_names``) or by its **shape**:

- tokens with a known beginning (GitHub, GitLab, Hugging Face, OpenAI, Anthropic, AWS, Slack, Google, npm,
  PyPI, Stripe), JSON web tokens, PEM blocks of private keys;
- ``user:password@`` in a URL, and the parts of its query whose names are secret;
- what follows ``Bearer`` or ``Basic`` in a header;
- long strings that look drawn at random: at least 20 letters and digits of all three kinds, whose syllables (cut
  where the kind changes) are shorter than those that people write. Hex digests, UUIDs, paths, versions and
  names of models do not look so.

Numbers and truth values under an ambiguous name (``token``, ``auth``) stay: a hyper-parameter is more likely than a
secret, and a short number protects nothing. Whoever redacts keeps the keyed digest of the original, so that a
difference between two runs still shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from reprofp.model.observations import Value
from reprofp.probes.secret_names import Secrecy, classify_name

__all__ = [
    "REDACTED",
    "redact_argv",
    "redact_option",
    "redact_path",
    "redact_text",
    "redact_tokens",
    "redact_url",
    "redact_value",
]

REDACTED = "[redacted]"
"""What stands where a secret stood."""

_INNOCENT = re.compile(r"(?i)|true|false|yes|no|on|off|none|null|\[redacted\]")
_NUMBER = re.compile(r"[-+]?(?:\d[\d_]{0,11}(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_OPTION = re.compile(r"(?s)(--?[A-Za-z][\w.-]*)=(.*)")
_ASSIGNMENT = re.compile(r"(?s)([+~]{0,2}[A-Za-z_][\w.@/-]*)=(.*)")
_HEADER = re.compile(r"(?s)([A-Za-z][A-Za-z0-9-]*):\s+(\S.*)")
_USER_OPTIONS = {"-u", "--user", "--proxy-user"}


def redact_value(name: str, value: Value) -> Value:
    """Return ``value``, that ``name`` names, with what is secret in it replaced; lists and maps through and through."""
    if isinstance(value, Mapping):
        return {key: redact_value(f"{name}.{key}", item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [redact_value(name, item) for item in value]
    if isinstance(value, str):
        return _redact_named(name, value)
    return REDACTED if _hides_number(name, value) else value


def _hides_number(name: str, value: Value) -> bool:
    """Whether a value that is no text is a secret all the same: a number as a password, bytes as a key."""
    if value is None or isinstance(value, bool):
        return False
    secrecy = classify_name(name)
    return secrecy is Secrecy.SECRET or (secrecy is Secrecy.AMBIGUOUS and isinstance(value, bytes))


def _redact_named(name: str, text: str) -> str:
    secrecy = classify_name(name)
    if secrecy is Secrecy.OPEN or _INNOCENT.fullmatch(text):
        return redact_text(text)
    if secrecy is Secrecy.AMBIGUOUS and _NUMBER.fullmatch(text):
        return text
    return REDACTED


def redact_argv(argv: Sequence[str]) -> list[str]:
    """Return an argument list with its secrets replaced: ``--api-key X``, ``--api-key=X``, headers, ``KEY=X``."""
    result: list[str] = []
    for argument in argv:
        previous = result[-1] if result else ""
        result.append(_redact_argument(previous, argument))
    return result


def redact_option(option: str, value: str) -> str:
    """Return the value of an option, which is given as it was written: ``--api-key``."""
    if option in _USER_OPTIONS:
        return _redact_user(value)
    return _redact_named(option, value) if _names_secret(option) else _redact_free(value)


def _redact_argument(previous: str, argument: str) -> str:
    if match := _OPTION.fullmatch(argument):
        return f"{match[1]}={redact_option(match[1], match[2])}"
    if argument.startswith("-") and not argument[1:2].isspace():
        return redact_text(argument)
    return redact_option(previous, argument) if _is_option(previous) else _redact_free(argument)


def _redact_free(argument: str) -> str:
    """Redact an argument or value that stands for itself: an assignment, a header, text."""
    for pattern, sign in ((_ASSIGNMENT, "="), (_HEADER, ": ")):
        if match := pattern.fullmatch(argument):
            return f"{match[1]}{sign}{_redact_named(match[1], match[2])}"
    return redact_text(argument)


def _names_secret(name: str) -> bool:
    return classify_name(name) is not Secrecy.OPEN


def _is_option(argument: str) -> bool:
    return argument.startswith("-") and "=" not in argument


def _redact_user(argument: str) -> str:
    user, colon, password = argument.partition(":")
    return f"{user}:{REDACTED}" if colon and not password.isdigit() else redact_text(argument)


_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+")
_USERINFO = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)@")
_QUERY_PART = re.compile(r"([?&;#])([^=&;#]+)=([^&;#]*)")
_QUERY_NAMES = {"sig", "signature", "x-amz-signature", "key", "code", "x-goog-signature", "hdnts", "policy"}


def redact_url(url: str, *, keep_user: bool = True) -> str:
    """Return ``url`` without its password and the secrets of its query.

    Args:
        url: the URL; other text comes back as it is.
        keep_user: whether a user name without a password may stay (``git@host``); one before a password, or one
            that looks like a token, never does.
    """

    def redact_user(match: re.Match[str]) -> str:
        user = match[2]
        if not keep_user:
            return match[1]
        return match[0] if ":" not in user and _redact_shapes(user) == user else f"{match[1]}{REDACTED}@"

    return _QUERY_PART.sub(_redact_query_part, _USERINFO.sub(redact_user, url))


def _redact_query_part(match: re.Match[str]) -> str:
    separator, name, value = match.groups()
    if name.lower() in _QUERY_NAMES and value:
        return f"{separator}{name}={REDACTED}"
    return f"{separator}{name}={_redact_named(name, value)}"


_NAMED_IN_TEXT = re.compile(
    r"""(?x) (?<![\w.-]) (?P<quote>["']?) (?P<name>-{0,2}[A-Za-z][\w.-]{0,80}) (?P=quote)
    (?P<between> \s*[:=]\s* ) (?P<value> "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | [^\s"',;&)\]}]+ )"""
)
_OPTION_IN_TEXT = re.compile(r"(?<!\S)(--?[A-Za-z][\w-]*)(\s+)([^\s-]\S*)")


def redact_text(text: str) -> str:
    """Return free text with everything replaced that is a secret by its shape, or by a name beside it."""
    if "://" in text:
        text = _URL.sub(lambda match: redact_url(match[0]), text)
    if "=" in text or ":" in text:
        text = _NAMED_IN_TEXT.sub(_redact_named_in_text, text)
    if "-" in text and " " in text:
        text = _OPTION_IN_TEXT.sub(_redact_option_in_text, text)
    return _redact_shapes(text)


def _redact_named_in_text(match: re.Match[str]) -> str:
    value = match["value"]
    quote = value[0] if value[0] in "\"'" else ""
    inner = value[1:-1] if quote else value
    if classify_name(match["name"]) is Secrecy.OPEN or inner.startswith(("//", REDACTED[:-1])):
        return match[0]
    kept = match[0][: match.start("value") - match.start()]
    return f"{kept}{quote}{_redact_named(match['name'], inner)}{quote}"


def _redact_option_in_text(match: re.Match[str]) -> str:
    if classify_name(match[1]) is Secrecy.OPEN:
        return match[0]
    return f"{match[1]}{match[2]}{_redact_named(match[1], match[3])}"


_TOKENS = re.compile(
    r"""(?x)
    -----BEGIN\ [A-Z ]*PRIVATE\ KEY(?:\ BLOCK)?-----[\s\S]*?(?:-----END\ [A-Z ]*PRIVATE\ KEY(?:\ BLOCK)?-----|\Z)
    | (?<![A-Za-z0-9]) (?:
        gh[oprsu]_[A-Za-z0-9]{16,} | github_pat_[A-Za-z0-9_]{16,} | gl(?:pat|dt|rt|cbt|ptt|soat)-[\w-]{16,}
      | hf_[A-Za-z0-9]{16,} | api_org_[A-Za-z0-9]{16,}
      | sk-(?:ant-|proj-|or-|svcacct-|lf-)?[\w-]{16,} | [sr]k_(?:live|test)_[A-Za-z0-9]{12,}
      | (?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,} | xox[abeoprs]-[A-Za-z0-9-]{8,} | xapp-[A-Za-z0-9-]{8,}
      | AIza[\w-]{30,} | ya29\.[\w-]{16,} | npm_[A-Za-z0-9]{16,} | pypi-[\w-]{16,} | dckr_pat_[\w-]{16,}
      | SG\.[\w-]{16,}\.[\w-]{16,} | r8_[A-Za-z0-9]{16,} | nvapi-[\w-]{16,} | gsk_[A-Za-z0-9]{16,} | dop_v1_[a-f0-9]{16,}
      | eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?
    )"""
)
_CHALLENGE = re.compile(r"(?i)\b(bearer|basic|token)(\s+)(?=\S{8})([\w.~+/=-]+)")
_WEBHOOK = re.compile(r"(hooks\.slack\.com/(?:services|workflows)/|discord(?:app)?\.com/api/webhooks/)\S+")


def _redact_shapes(text: str) -> str:
    text = _WEBHOOK.sub(rf"\1{REDACTED}", text)
    text = _TOKENS.sub(REDACTED, text)
    text = _CHALLENGE.sub(_redact_challenge, text)
    return _LONG_RUN.sub(_redact_random, text)


def redact_tokens(text: str) -> str:
    """Return ``text`` without what a known beginning or form marks as a token: for paths, whose folders often look random."""
    return _TOKENS.sub(REDACTED, text)


def _redact_challenge(match: re.Match[str]) -> str:
    word = match[3]
    plain = word.isalpha() and (word.islower() or word.istitle())
    return match[0] if plain or _NUMBER.fullmatch(word) else f"{match[1]}{match[2]}{REDACTED}"


_LONG_RUN = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_PIECE = re.compile(r"[A-Za-z0-9]{20,}")
_SYLLABLE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_NOT_HEX = re.compile(r"[g-zG-Z]")
_SHORTEST_WITH_SIGNS = 36
_FEWEST_NOT_HEX = 4
_LONGEST_SYLLABLES = 2.7


def _redact_random(match: re.Match[str]) -> str:
    run = match[0]
    if len(run) >= _SHORTEST_WITH_SIGNS and not run.startswith("/") and _looks_random(re.sub(r"[+/_=-]", "", run)):
        return REDACTED
    return _PIECE.sub(lambda piece: REDACTED if _looks_random(piece[0]) else piece[0], run)


def _looks_random(word: str) -> bool:
    """Whether letters and digits look drawn at random: all three kinds, no hex, syllables shorter than people's."""
    kinds = {"0" if character.isdigit() else "A" if character.isupper() else "a" for character in word}
    if len(kinds) < len("aA0") or len(_NOT_HEX.findall(word)) < _FEWEST_NOT_HEX:
        return False
    return len(word) <= _LONGEST_SYLLABLES * len(_SYLLABLE.findall(word))


def redact_path(text: str, home: str, user: str = "") -> str:
    """Return a path, or text with paths in it, without the home folder (``~``) and without the user's name.

    Args:
        text: a path or free text.
        home: the home folder; empty where there is none.
        user: the user's name; empty for the last part of ``home``.
    """
    home = home.rstrip("/")
    if len(home) > 1:
        text = re.sub(rf"(?<![\w./-]){re.escape(home)}(?![\w.-])", "~", text)
    text = re.sub(r"(?<![\w./-])/(home|Users)/[^/\s:;,\"']+", "~", text)
    names = {name for name in (user, home.rpartition("/")[2]) if name and name not in _SHARED_NAMES}
    for name in sorted(names):
        text = re.sub(rf"(?<=/){re.escape(name)}(?=/|$|[\s:;,\"'])", "USER", text)
    return text


_SHARED_NAMES = {"root", "home", "user", "app", "work", "workspace", "data", "src", "tmp", "opt", "srv", "var"}
