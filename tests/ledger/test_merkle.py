import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    hash_leaf,
    hash_node,
    hash_range,
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_inclusion,
)

VECTORS = json.loads((Path(__file__).parent / "vectors" / "merkle.json").read_text())
LEAVES = [bytes.fromhex(text) for text in VECTORS["leaves"]]


def reader(leaves):
    marks = [hash_leaf(leaf) for leaf in leaves]
    return lambda level, at: None if level else marks[at]


def define_root(leaves):
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + define_root(leaves[:split]) + define_root(leaves[split:])).digest()


def grow(leaves):
    frontier, nodes = Frontier(), []
    for leaf in leaves:
        frontier, made = frontier.append(hash_leaf(leaf))
        nodes += made
    return frontier, {(node.level, node.position): node.hash for node in nodes}


NUMBERED = [str(number).encode() for number in range(70)]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size):
    expected = bytes.fromhex(VECTORS["roots"][size])
    assert grow(LEAVES[:size])[0].root == expected
    assert hash_range(0, size, reader(LEAVES)) == expected


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=str)
def test_inclusion_proofs_are_the_published_ones(case):
    path = [bytes.fromhex(text) for text in case["path"]]
    assert prove_inclusion(case["leaf"], case["size"], reader(LEAVES)) == path
    root = bytes.fromhex(VECTORS["roots"][case["size"]])
    assert verify_inclusion(hash_leaf(LEAVES[case["leaf"]]), case["leaf"], case["size"], path, root)


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=str)
def test_consistency_proofs_are_the_published_ones(case):
    path = [bytes.fromhex(text) for text in case["path"]]
    assert prove_consistency(case["first"], case["second"], reader(LEAVES)) == path
    roots = [bytes.fromhex(VECTORS["roots"][case[key]]) for key in ("first", "second")]
    assert verify_consistency(case["first"], case["second"], *roots, path)


@given(st.lists(st.binary(max_size=5), max_size=40))
def test_roots_are_as_the_rfc_defines_them(leaves):
    frontier, nodes = grow(leaves)
    assert frontier.root == define_root(leaves)
    assert frontier.size == len(leaves)
    assert Frontier.unpack(frontier.size, frontier.packed) == frontier
    assert hash_range(0, len(leaves), lambda level, at: nodes.get((level, at))) == frontier.root


def test_no_leaf_is_a_node():
    assert hash_leaf(b"\x01" + bytes(64)) != hash_node(bytes(32), bytes(32))
    assert hash_leaf(bytes(64)) != hash_node(bytes(32), bytes(32))
    assert Frontier().root == EMPTY_ROOT


@pytest.mark.parametrize(("size", "packed"), [(-1, b""), (0, bytes(32)), (1, b""), (3, bytes(32)), (1, bytes(31))])
def test_malformed_frontiers_are_refused(size, packed):
    with pytest.raises(ValueError, match="not the frontier"):
        Frontier.unpack(size, packed)


def test_every_leaf_of_every_tree_can_be_proved():
    read = reader(NUMBERED)
    for size in range(1, 34):
        root = define_root(NUMBERED[:size])
        for index in range(size):
            path = prove_inclusion(index, size, read)
            assert verify_inclusion(hash_leaf(NUMBERED[index]), index, size, path, root)
            assert len(path) <= (size - 1).bit_length()


def test_every_tree_continues_every_smaller_one():
    read = reader(NUMBERED)
    roots = [define_root(NUMBERED[:size]) for size in range(26)]
    for second in range(1, 26):
        for first in range(1, second + 1):
            path = prove_consistency(first, second, read)
            assert verify_consistency(first, second, roots[first], roots[second], path)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_leaves_that_are_not_there_have_no_proof(index, size):
    with pytest.raises(ValueError, match="has no leaf"):
        prove_inclusion(index, size, reader(NUMBERED))
    assert not verify_inclusion(bytes(32), index, size, [], bytes(32))


@pytest.mark.parametrize(("first", "second"), [(0, 3), (4, 3), (-1, 3)])
def test_trees_that_do_not_follow_have_no_proof(first, second):
    with pytest.raises(ValueError, match="does not continue"):
        prove_consistency(first, second, reader(NUMBERED))
    assert not verify_consistency(first, second, bytes(32), bytes(32), [])


def tamper(path):
    """Every change of a proof that an attacker may try first."""
    yield [*path, bytes(32)]
    yield [bytes(32), *path]
    yield path[:-1]
    yield path[1:]
    yield path[::-1]
    for at, mark in enumerate(path):
        yield [*path[:at], bytes([mark[0] ^ 1]) + mark[1:], *path[at + 1 :]]
        yield [*path[:at], mark[:-1], *path[at + 1 :]]
        yield [*path[:at], mark, *path[at:]]


def test_tampered_inclusion_proofs_are_refused():
    read = reader(NUMBERED)
    for size in (1, 2, 3, 7, 8, 13, 33):
        root = define_root(NUMBERED[:size])
        for index in range(size):
            leaf, path = hash_leaf(NUMBERED[index]), prove_inclusion(index, size, read)
            for other in tamper(path):
                if other != path:
                    assert not verify_inclusion(leaf, index, size, other, root)
            for wrong in {0, 1, index ^ 1, index + 1, size - 1, size} - {index}:
                assert not verify_inclusion(leaf, wrong, size, path, root)
            assert not verify_inclusion(hash_leaf(b"another"), index, size, path, root)
            assert not verify_inclusion(leaf, index, size, path, hash_leaf(b"another"))


def test_tampered_consistency_proofs_are_refused():
    read = reader(NUMBERED)
    roots = [define_root(NUMBERED[:size]) for size in range(34)]
    forged = define_root([b"forged", *NUMBERED[1:33]])
    for first, second in ((1, 2), (2, 3), (3, 7), (4, 8), (6, 8), (8, 33), (7, 7), (32, 33), (31, 33)):
        path = prove_consistency(first, second, read)
        for other in tamper(path):
            if other != path:
                assert not verify_consistency(first, second, roots[first], roots[second], other)
        assert not verify_consistency(first, second, forged, roots[second], path)
        assert not verify_consistency(first, second, roots[first], forged, path)
        for wrong in {first - 1, first + 1} - {second} if first != second else ():
            assert not verify_consistency(wrong, second, roots[first], roots[second], path)


def test_a_rewritten_tree_has_no_consistency_proof():
    rewritten = [b"forged", *NUMBERED[1:]]
    for first in range(1, 20):
        path = prove_consistency(first, 33, reader(rewritten))
        assert not verify_consistency(first, 33, define_root(NUMBERED[:first]), define_root(rewritten[:33]), path)
