"""Digests of files, trees and weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprofp.late_names import find_late

if TYPE_CHECKING:
    from reprofp.datasets.differences import TreeDifference, compare_trees
    from reprofp.datasets.files import FileDigest, hash_file
    from reprofp.datasets.folders import FolderDigest
    from reprofp.datasets.sequences import SequenceHasher, hash_sequence
    from reprofp.datasets.tensors import hash_tensor, hash_tensors
    from reprofp.datasets.trees import Problem, TreeDigest, TreeEntry, hash_path, hash_tree
    from reprofp.datasets.weight_differences import WeightsDifference, compare_weights
    from reprofp.datasets.weight_values import TensorDifference, measure_values
    from reprofp.datasets.weights import Tensor, WeightsDigest, hash_weights

__all__ = [
    "FileDigest",
    "FolderDigest",
    "Problem",
    "SequenceHasher",
    "Tensor",
    "TensorDifference",
    "TreeDifference",
    "TreeDigest",
    "TreeEntry",
    "WeightsDifference",
    "WeightsDigest",
    "compare_trees",
    "compare_weights",
    "hash_file",
    "hash_path",
    "hash_sequence",
    "hash_tensor",
    "hash_tensors",
    "hash_tree",
    "hash_weights",
    "measure_values",
]

_HOMES = {
    "FileDigest": "files",
    "hash_file": "files",
    "FolderDigest": "folders",
    "SequenceHasher": "sequences",
    "hash_sequence": "sequences",
    "TreeDifference": "differences",
    "compare_trees": "differences",
    "Problem": "trees",
    "TreeDigest": "trees",
    "TreeEntry": "trees",
    "hash_path": "trees",
    "hash_tree": "trees",
    "hash_tensor": "tensors",
    "hash_tensors": "tensors",
    "Tensor": "weights",
    "WeightsDigest": "weights",
    "hash_weights": "weights",
    "WeightsDifference": "weight_differences",
    "compare_weights": "weight_differences",
    "TensorDifference": "weight_values",
    "measure_values": "weight_values",
}

__getattr__ = find_late(__name__, _HOMES)
