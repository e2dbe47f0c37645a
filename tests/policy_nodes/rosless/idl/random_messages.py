"""Random messages and their twins in rosbags' classes, an independent implementation of CDR and of type hashes."""

import random
from array import array

import numpy as np
from rosbags.typesys import Stores, get_typestore

from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.idl.checks import TYPECODE, int_range
from policy_nodes.rosless.idl.model import FieldType, specs

STORE = get_typestore(Stores.ROS2_JAZZY)
TEXT = "aé漢 z/_\0"


def random_single(rng: random.Random, ftype: FieldType):
    base = ftype.base
    if ftype.nested:
        return random_message(rng, base)
    if base == "string":
        return "".join(rng.choices(TEXT, k=rng.randrange(9)))
    if base == "bool":
        return rng.random() < 0.5
    if base == "byte":
        return bytes([rng.randrange(256)])
    if base.startswith("float"):
        return float(np.float32(rng.uniform(-1e3, 1e3)))
    low, high = int_range(base)
    return rng.choice((low, high, 0, 1))


def random_message(rng: random.Random, name: str):
    values = {}
    for field in specs()[0][name].fields:
        ftype = field.type
        if ftype.kind == "single":
            values[field.name] = random_single(rng, ftype)
            continue
        count = ftype.size if ftype.kind == "array" else rng.randrange(ftype.size + 1 if ftype.kind == "bounded" else 4)
        values[field.name] = [random_single(rng, ftype) for _ in range(count)]
    return message_class(name)(**values)


def twin(message):
    """The same message as a rosbags dataclass."""
    values = {}
    for field in specs()[0][message._ROS_TYPE].wire_fields:
        value = getattr(message, field.name, 0)
        single, base = field.type.kind == "single", field.type.base
        if field.type.nested:
            value = twin(value) if single else [twin(item) for item in value]
        elif base == "byte":
            value = (
                int.from_bytes(value, "little", signed=True)
                if single
                else np.array([item[0] for item in value], dtype=np.uint8)
            )
        elif base == "bool" and not single:
            value = np.array(value, dtype=np.bool_)
        elif base in TYPECODE and isinstance(value, array):
            value = np.array(value, dtype=base)
        values[field.name] = value
    return STORE.types[message._ROS_TYPE](**values)
