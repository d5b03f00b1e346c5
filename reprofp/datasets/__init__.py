"""Digests of files, trees and weights."""
