"""Write tests/daemon/vectors/wire.json: requests and replies with their frames.

python tools/make_wire_vectors.py > tests/daemon/vectors/wire.json

The bytes are packed by msgpack itself from maps whose keys stand in order, not by reprofp.
"""

import json

import msgpack

REQUESTS = [
    ("nothing to say", "ping", {}),
    ("a name", "resolve", {"name": "last-known-good"}),
    ("numbers and null", "log", {"before": None, "limit": 100, "since_ns": 1763700000000000000}),
    ("a check", "check", {"baseline": "last-known-good", "now": "@-1", "require": "bitwise"}),
    ("a list", "compare", {"a": "@-2", "b": "@-1", "vary": ["config.lr"]}),
]
REPLIES = [("nothing", None), ("a map", {"id": "rn1:00", "note": None}), ("a list", {"records": [1, -1, 1.5, True]})]
ERRORS = [("an error", "not-found", "no record is called 'x'")]


def frame(body: object) -> str:
    payload = msgpack.packb(body, use_bin_type=True)
    return (len(payload).to_bytes(4, "big") + payload).hex()


def main() -> None:
    requests = [
        {
            "what": what,
            "method": method,
            "params": params,
            "frame": frame({"method": method, "params": params, "version": 1}),
        }
        for what, method, params in REQUESTS
    ]
    replies = [
        {"what": what, "result": result, "frame": frame({"result": result, "version": 1})} for what, result in REPLIES
    ]
    replies += [
        {
            "what": what,
            "code": code,
            "text": text,
            "frame": frame({"error": {"code": code, "text": text}, "version": 1}),
        }
        for what, code, text in ERRORS
    ]
    print(
        json.dumps({"command": "python tools/make_wire_vectors.py", "requests": requests, "replies": replies}, indent=1)
    )


if __name__ == "__main__":
    main()
