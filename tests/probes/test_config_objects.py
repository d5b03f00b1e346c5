import argparse
import dataclasses
import enum
import sys
import types

import pytest

from reprofp.probes.config_objects import holds_settings, read_settings


class Mode(enum.Enum):
    FAST = 1


@dataclasses.dataclass
class Optimizer:
    name: str = "sgd"
    lr: float = 0.1
    mode: Mode = Mode.FAST


@dataclasses.dataclass(frozen=True)
class Config:
    optimizer: Optimizer = dataclasses.field(default_factory=Optimizer)
    layers: tuple[int, ...] = (1, 2)
    later: int = dataclasses.field(init=False)


class OwnNamespace(argparse.Namespace):
    pass


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ({"a": 1, "b": {"c": True}}, {"a": 1, "b": {"c": True}}),
        (Config(), {"optimizer": {"name": "sgd", "lr": 0.1, "mode": "FAST"}, "layers": [1, 2]}),
        (argparse.Namespace(lr=0.1, seed=3, flag=False), {"lr": 0.1, "seed": 3, "flag": False}),
        (OwnNamespace(inner=argparse.Namespace(x=None)), {"inner": {"x": None}}),
        (types.SimpleNamespace(x="1"), {"x": "1"}),
        ({"list": [Optimizer()]}, {"list": [{"name": "sgd", "lr": 0.1, "mode": "FAST"}]}),
    ],
)
def test_values_keep_their_types(held, expected):
    assert holds_settings(held)
    assert read_settings(held) == expected
    assert repr(read_settings(held)) == repr(expected)


@pytest.mark.parametrize("other", ["config.yaml", ["a.yaml"], None, Config, 3, object()])
def test_what_holds_no_names_is_none_of_these(other):
    assert not holds_settings(other)


def test_settings_that_hold_themselves_are_an_error():
    held = argparse.Namespace()
    held.own = held
    with pytest.raises(ValueError, match="too deeply"):
        read_settings(held)


class FakeOmegaConf:
    """Stands for the class of that name, as its documentation describes it."""

    @staticmethod
    def is_config(item):
        return isinstance(item, FakeConfig)

    @staticmethod
    def to_container(item, *, resolve):
        assert resolve
        if item.values is None:
            raise RuntimeError("Interpolation key 'x' not found")
        return item.values


class FakeConfig:
    def __init__(self, values):
        self.values = values


def test_omegaconf_is_resolved_where_it_is_loaded(monkeypatch):
    config = FakeConfig({"lr": 0.1, "inner": {"x": [1]}})
    assert not holds_settings(config)
    monkeypatch.setitem(sys.modules, "omegaconf", types.SimpleNamespace(OmegaConf=FakeOmegaConf))
    assert holds_settings(config)
    assert read_settings(config) == {"lr": 0.1, "inner": {"x": [1]}}
    with pytest.raises(ValueError, match="Interpolation"):
        read_settings(FakeConfig(None))
