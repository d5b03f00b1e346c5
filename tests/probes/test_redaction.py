from __future__ import annotations

import hashlib
import json
import random
import string
import uuid
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprofp.probes.redaction import REDACTED, redact_argv, redact_path, redact_text, redact_url, redact_value
from reprofp.probes.secret_names import Secrecy, classify_name


def words(text):
    return text.split()


SECRET_NAMES = words("""
    password --password DB_PASSWORD db_pw user-passwd passphrase pwd secret client_secret SECRET_KEY clientSecret
    api_key --api-key apiKey APIKEY API_KEY_2 WANDB_API_KEY openai.api_key x-api-key OPENAI_KEY AWS_ACCESS_KEY_ID
    AWS_SECRET_ACCESS_KEY private_key ssh-key encryption_key credentials GOOGLE_CREDENTIAL dsn SENTRY_DSN
    connection_string CONN_STR Authorization Proxy-Authorization Cookie mypassword dbpassword github_api_token
    refresh_token session_token bot_token AZURE_STORAGE_KEY
""")
AMBIGUOUS_NAMES = words("token --token HF_TOKEN hfToken GITHUB_TOKEN gh_pat auth --auth proxy_auth ghtoken jwt otp")
OPEN_NAMES = words("""
    lr --lr max_tokens n_tokens num-tokens token_dim tokenizer tokenizer_name tokens key_size --key_size key keys sort_key
    image_key author authors authenticate eos_token pad_token bos_token mask_token special_tokens image_token token_type
    token_level tokenization seed rng_key PRNG_KEY monitor epochs password_length max_password_len secret_size n_passes
    forward_pass passes num_pass pass_rate keyword hockey monkey turkey_weights compass bypass passage
""")


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_names_of_secrets(name):
    assert classify_name(name) is Secrecy.SECRET


@pytest.mark.parametrize("name", AMBIGUOUS_NAMES)
def test_ambiguous_names(name):
    assert classify_name(name) is Secrecy.AMBIGUOUS


@pytest.mark.parametrize("name", OPEN_NAMES)
def test_names_of_hyper_parameters(name):
    assert classify_name(name) is Secrecy.OPEN


TOKENS = [
    "ghp_" + "a1B2" * 9,
    "gho_" + "a1B2" * 9,
    "github_pat_" + "11ABCDEFG0" + "x" * 40,
    "glpat-" + "abcDEF123-_ghiJKL456",
    "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH",
    "sk-" + "abcd1234" * 6,
    "sk-ant-api03-" + "Ab1-_" * 18,
    "sk-proj-" + "Ab1_" * 12,
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    "xoxb-123456789012-abcdefghij",
    "xoxp-123456789012-abcdefghij",
    "AIza" + "SyA-1234567890abcdefghijklmnopqrstu",
    "npm_" + "a1B2c3" * 6,
    "pypi-" + "AgEIcHlwaS5vcmcCJ",
    "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\ncut off",
    "kT9/zPq4LmX2+vBn8RsYw1GhJ6dFcA3uE5oQ7iN0",
    "https://hooks.slack.com/services/T000/B000/XXXX",
]


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("frame", ["{}", "see {} there", '{{"note": "{}"}}', "x={}", "--note={}"])
def test_shapes_of_secrets(token, frame):
    text = frame.format(token)
    for result in (redact_text(text), redact_value("note", text), *redact_argv(["--note", text]), *redact_argv([text])):
        if result != "--note":
            assert token not in result
            assert REDACTED in result


INNOCENT = [
    "bert-base-uncased-finetuned-sst-2-english",
    "facebook/wav2vec2-large-960h-lv60-self",
    "meta-llama/Llama-3.1-8B-Instruct",
    "Qwen2VLForConditionalGeneration",
    "mistralai/Mixtral-8x7B-Instruct-v0.1",
    "vit_large_patch14_clip_224.openai_ft_in12k_in1k",
    "2024-01-31T12:34:56.789012+00:00",
    "/data/ImageNet2012/Train01/Val02/shard-00001-of-01024.tar",
    "lr0.001_bs256_seed42_2024-01-01_run7",
    "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "resnet50-0676ba61.pth",
    "sha256:" + hashlib.sha256(b"x").hexdigest(),
    hashlib.sha1(b"x").hexdigest(),
    hashlib.md5(b"x").hexdigest().upper(),
    hashlib.sha512(b"x").hexdigest(),
    str(uuid.UUID(int=0x1234567890ABCDEF1234567890ABCDEF)),
    "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6",
    "0.1",
    "1e-3",
    "[1, 2, 3]",
    "aVeryLongCamelCaseNameOfSomeModule2Version3",
    "AdamW(lr=0.001, betas=(0.9, 0.999), weight_decay=0.01)",
    "git@github.com:user/repository.git",
    "https://github.com/user/repository.git",
    "skip-connections-everywhere-in-the-network",
    "s3://bucket/Path/To/Data2023/File",
    "basic training schedule",
    "token classification",
    "</s>",
    "[PAD]",
    "sk-learn-pipeline",
]


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_stays(text):
    assert redact_text(text) == text
    assert redact_value("note", text) == text
    assert redact_argv(["--note", text, text]) == ["--note", text, text]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--api-key=X1", "a"], [f"--api-key={REDACTED}", "a"]),
        (["--api-key", "X1", "a"], ["--api-key", REDACTED, "a"]),
        (["--password", "12345"], ["--password", REDACTED]),
        (["--token", "12345"], ["--token", "12345"]),
        (["--token", "true"], ["--token", "true"]),
        (["--token", "hunter2"], ["--token", REDACTED]),
        (["--password", "a=b"], ["--password", REDACTED]),
        (["--set", "password=x"], ["--set", f"password={REDACTED}"]),
        (["--set=password=x"], [f"--set=password={REDACTED}"]),
        (["--use-secret", "--lr", "0.1"], ["--use-secret", "--lr", "0.1"]),
        (["-H", "Authorization: Bearer abc"], ["-H", f"Authorization: {REDACTED}"]),
        (["--header=X-Api-Key: abc"], [f"--header=X-Api-Key: {REDACTED}"]),
        (["DB_PW=pw1", "python"], [f"DB_PW={REDACTED}", "python"]),
        (["+db.password=pw1"], [f"+db.password={REDACTED}"]),
        (["--db.password=pw1"], [f"--db.password={REDACTED}"]),
        (["curl", "-u", "ada:pw1"], ["curl", "-u", f"ada:{REDACTED}"]),
        (["docker", "-u", "1000:1000"], ["docker", "-u", "1000:1000"]),
        (['{"api_key": "X1", "lr": 0.1}'], [f'{{"api_key": "{REDACTED}", "lr": 0.1}}']),
        (["postgres://ada:pw1@host/db"], [f"postgres://{REDACTED}@host/db"]),
        (["--url=postgres://ada:pw1@host/db"], [f"--url=postgres://{REDACTED}@host/db"]),
        (["-c", "login(token='X1')"], ["-c", f"login(token='{REDACTED}')"]),
        (["sh -c 'tool --password X1 --lr 3'"], [f"sh -c 'tool --password {REDACTED} --lr 3'"]),
    ],
)
def test_argument_lists(argv, expected):
    assert redact_argv(argv) == expected


HYPER_PARAMETERS = words("""
    train.py --max_tokens 256 --token_dim 64 --tokenizer bert --n_tokens=7 --key_size 128 --author ada --lr 1e-3
    --eos_token </s> --auth 0 --num-passes 3 model.token_dim=5 tokenizer.name=bert-base-cased --key=label -k v --flag
""")


def test_hyper_parameters_stay():
    assert redact_argv(HYPER_PARAMETERS) == HYPER_PARAMETERS


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ada:pw@host/x", f"https://{REDACTED}@host/x"),
        ("https://ghp_abcdefghijklmnop123@host/x", f"https://{REDACTED}@host/x"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("https://host/x?token=abc&page=2", f"https://host/x?token={REDACTED}&page=2"),
        ("https://host/x?sig=abc%3D&se=2024", f"https://host/x?sig={REDACTED}&se=2024"),
        ("https://host/x?X-Amz-Signature=ab&X-Amz-Date=2", f"https://host/x?X-Amz-Signature={REDACTED}&X-Amz-Date=2"),
        ("https://host/#access_token=abc", f"https://host/#access_token={REDACTED}"),
        ("https://ada:p@ss@host/x", f"https://{REDACTED}@host/x"),
        ("https://host/@scope/package", "https://host/@scope/package"),
    ],
)
def test_urls(url, expected):
    assert redact_url(url) == expected
    assert redact_url(expected) == expected


def test_no_user_stays_where_none_may():
    assert redact_url("ssh://git@host/x", keep_user=False) == "ssh://host/x"


def test_values_keep_their_types_and_their_form():
    config = {"lr": 0.1, "db": {"password": 7, "hosts": ["a", "b"]}, "token": 3, "use_secret": True, "secret": None}
    assert redact_value("config", config) == {
        "lr": 0.1,
        "db": {"password": REDACTED, "hosts": ["a", "b"]},
        "token": 3,
        "use_secret": True,
        "secret": None,
    }
    assert redact_value("when", date(2024, 1, 1)) == date(2024, 1, 1)
    assert redact_value("api_keys", ["a", "b"]) == [REDACTED, REDACTED]
    assert redact_value("token", b"raw") == REDACTED
    assert redact_value("raw", b"raw") == b"raw"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/ada/x", "~/x"),
        ("/home/ada", "~"),
        ("/home/adam/x", "~/x"),
        ("/srv/ada/x", "/srv/USER/x"),
        ("/srv/adam/x", "/srv/adam/x"),
        ("/Users/grace/x", "~/x"),
        ("cannot open '/home/ada/a b': no", "cannot open '~/a b': no"),
        ("/mnt/home/ada2/x", "/mnt/home/ada2/x"),
        ("ada", "ada"),
    ],
)
def test_paths(text, expected):
    assert redact_path(text, "/home/ada") == expected


def test_the_home_of_root_names_nobody():
    assert redact_path("/root/x /srv/root/x", "/root") == "~/x /srv/root/x"
    assert redact_path("/x", "") == "/x"
    assert redact_path("/x", "/") == "/x"


arguments = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["--api-key", "--token", "--lr", "password=x", "https://u:p@h/?token=1", *TOKENS, *INNOCENT]),
    st.builds("{}={}".format, st.sampled_from(SECRET_NAMES), st.text(max_size=20)),
)


@given(st.lists(arguments, max_size=6))
@settings(max_examples=150, deadline=None)
def test_redacting_twice_is_redacting_once_and_no_argument_is_lost(argv):
    once = redact_argv(argv)
    assert len(once) == len(argv)
    assert redact_argv(once) == once


@given(st.sampled_from(SECRET_NAMES), st.text(string.ascii_letters + string.digits, min_size=9, max_size=9))
@settings(max_examples=100, deadline=None)
def test_a_secret_by_name_leaves_every_form(name, value):
    value = f"canary{value}"
    name = name.lstrip("-")
    forms = [
        redact_argv([f"--{name}={value}"]),
        redact_argv([f"--{name}", value]),
        redact_argv([f"{name}={value}"]),
        redact_value(name, value),
        redact_value("outer", {name: {"inner": [value]}}) if classify_name(f"{name}.inner") is Secrecy.SECRET else "",
        redact_text(f"failed with {name}={value}, sorry"),
        redact_text(json.dumps({name: value})),
    ]
    assert value not in repr(forms)


@given(st.integers(0, 2**32), st.integers(32, 80))
@settings(max_examples=50, deadline=None)
def test_most_strings_drawn_at_random_are_found(seed, length):
    randomness = random.Random(seed)
    alphabet = string.ascii_letters + string.digits
    found = sum(redact_text("".join(randomness.choice(alphabet) for _ in range(length))) == REDACTED for _ in range(20))
    assert found >= 17
