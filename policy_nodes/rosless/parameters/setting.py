"""The writing half of a node's parameter interface: declare, set, undeclare, and the callbacks around them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from policy_nodes.rosless.exceptions import (
    InvalidParameterException,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
)
from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.parameters.descriptors import (
    WRONG_TYPE,
    ParameterDescriptor,
    accepted,
    apply_descriptor,
    refused,
)
from policy_nodes.rosless.parameters.parameter import Parameter, ParameterMsg, ParameterValue, Type
from policy_nodes.rosless.parameters.reading import ParameterReading
from policy_nodes.rosless.parameters.state import OnSetCallback, PostSetCallback, PreSetCallback

ParameterEvent: Any = message_class("rcl_interfaces/msg/ParameterEvent")


_NAME_ONLY = (
    "when declaring parameter named '{}', declaring a parameter only providing its name is deprecated. Pass a default "
    "value, a Parameter.Type, or a descriptor with dynamic_typing=True."
)


def _declaration(namespace: str, entry: tuple[Any, ...]) -> tuple[str, Any, Any]:
    """Name, default (None for one declared by type) and typed descriptor of one declaration."""
    if not 1 <= len(entry) <= 3:
        raise TypeError(f"Invalid parameter tuple length: {entry}; expecting length between 1 and 3")
    if not isinstance(entry[0], str):
        raise TypeError(f"First element {entry[0]} in parameters list is not a str.")
    name = f"{namespace}.{entry[0]}" if namespace else entry[0]
    if not name:
        raise InvalidParameterException(name)
    value = entry[1] if len(entry) > 1 else None
    descriptor = entry[2] if len(entry) > 2 else ParameterDescriptor()
    if not isinstance(descriptor, ParameterDescriptor):
        raise TypeError(f"Third element {descriptor} in parameters list is not a ParameterDescriptor.")
    if len(entry) == 1:
        warnings.warn(_NAME_ONLY.format(name), stacklevel=4)
        descriptor.dynamic_typing = True
    if isinstance(value, Type):
        if value is Type.NOT_SET:
            raise ValueError(f"Cannot declare parameter {name} as statically typed of type NOT_SET")
        if descriptor.dynamic_typing:
            raise ValueError(f"Parameter {name}: dynamic_typing=True is not allowed when a type is provided")
        descriptor.type, value = int(value), None
    elif not descriptor.dynamic_typing:
        descriptor.type = value.type if isinstance(value, ParameterValue) else int(Type.from_parameter_value(value))
        if descriptor.type == Type.NOT_SET:
            raise ValueError(f"Cannot declare the statically typed parameter {name} without a default value")
    return name, value, descriptor


class ParameterSetting(ParameterReading):
    """The methods of ``rclpy.node.Node`` that change parameters; one place decides, ``__set_all``."""

    def declare_parameter(
        self, name: str, value: Any = None, descriptor: Any = None, ignore_override: bool = False
    ) -> Parameter:
        """Declare one parameter, see `declare_parameters`."""
        entry = (name,) if value is None and descriptor is None else (name, value, descriptor or ParameterDescriptor())
        return self.declare_parameters("", [entry], ignore_override)[0]

    def declare_parameters(
        self, namespace: str, parameters: Sequence[tuple[Any, ...]], ignore_override: bool = False
    ) -> list[Parameter]:
        """Declare parameters; an override from file, command line or constructor replaces the default.

        Args:
            namespace: prefix put before each name with a dot, or empty.
            parameters: tuples ``(name, default or Parameter.Type [, descriptor])``.
            ignore_override: take the default in any case.

        Raises:
            ParameterAlreadyDeclaredException: one is declared already; none is declared then.
            InvalidParameterException: a name is empty.
            InvalidParameterTypeException: an override has another type than the default.
            InvalidParameterValueException: a range or a callback refuses the value.
            TypeError: a tuple has another form.
            ValueError: a static parameter would have no type.
        """
        own = self._rosless_parameters
        wanted, descriptors = [], {}
        for entry in parameters:
            name, value, descriptor = _declaration(namespace, entry)
            if not ignore_override and name in own.overrides:
                value = own.overrides[name].value
            if isinstance(value, ParameterValue):
                raise ValueError("Cannot declare a Parameter from a ParameterValue without an override for it.")
            wanted.append(Parameter(name, value=value))
            descriptors[name] = descriptor
        if known := [parameter.name for parameter in wanted if parameter.name in own.values]:
            raise ParameterAlreadyDeclaredException(known)
        for parameter in wanted:
            result = self.__set_all([parameter], descriptors, allow_not_set_type=True)
            if not result.successful:
                if result.reason.startswith(WRONG_TYPE):
                    raise InvalidParameterTypeException(parameter, Type(descriptors[parameter.name].type).name)
                raise InvalidParameterValueException(parameter.name, parameter.value, result.reason)
        return [own.values[parameter.name] for parameter in wanted]

    def undeclare_parameter(self, name: str) -> None:
        """Forget a parameter and its descriptor.

        Raises:
            ParameterNotDeclaredException: it is not declared.
            ParameterImmutableException: it is read-only.
        """
        own = self._rosless_parameters
        if not self.has_parameter(name):
            raise ParameterNotDeclaredException(name)
        if own.descriptors[name].read_only:
            raise ParameterImmutableException(name)
        del own.values[name], own.descriptors[name]

    def set_parameters(self, parameter_list: Sequence[Parameter]) -> list[Any]:
        """Set parameters one after the other.

        Returns:
            one ``SetParametersResult`` each; a refusal does not stop the others.

        Raises:
            ParameterNotDeclaredException: one is undeclared and that is not allowed; earlier ones stay set.
        """
        return [self.set_parameters_atomically([parameter]) for parameter in parameter_list]

    def set_parameters_atomically(self, parameter_list: Sequence[Parameter]) -> Any:
        """Set all parameters or none.

        Returns:
            one ``SetParametersResult``.

        Raises:
            ParameterNotDeclaredException: one is undeclared and that is not allowed.
            TypeError: an element is no `Parameter`.
        """
        own = self._rosless_parameters
        wanted = list(parameter_list)
        if own.pre_set:
            wanted = [item for callback in own.pre_set for item in callback(wanted)]
            if not wanted:
                return refused(
                    "parameter list cannot be empty, this might be due to pre_set_parameters_callback modifying the "
                    "original parameters list."
                )
        if not all(isinstance(parameter, Parameter) for parameter in wanted):
            raise TypeError(f"parameter must be instance of type '{Parameter!r}'")
        unknown = [parameter.name for parameter in wanted if parameter.name not in own.values]
        if unknown and not own.allow_undeclared:
            raise ParameterNotDeclaredException(unknown)
        return self.__set_all(wanted)

    def __set_all(
        self, wanted: list[Parameter], descriptors: dict[str, Any] | None = None, allow_not_set_type: bool = False
    ) -> Any:
        """Check, ask the callbacks, store and announce; ``descriptors`` are given while declaring."""
        own = self._rosless_parameters
        rules = own.descriptors if descriptors is None else descriptors
        for parameter in wanted:
            if parameter.name in rules:
                result = apply_descriptor(
                    parameter,
                    rules[parameter.name],
                    declared=self.has_parameter(parameter.name),
                    check_read_only=descriptors is None,
                )
                if not result.successful:
                    return result
        for callback in own.on_set:
            result = callback(wanted)
            if not result.successful:
                return result
        event = ParameterEvent()
        for parameter in wanted:
            if parameter.type_ is Type.NOT_SET and not allow_not_set_type:
                event.deleted_parameters.append(parameter.to_parameter_msg())
                own.values.pop(parameter.name, None)
                own.descriptors.pop(parameter.name, None)
                continue
            if descriptors is not None:
                own.descriptors[parameter.name] = descriptors[parameter.name]
            else:
                own.descriptors.setdefault(parameter.name, ParameterDescriptor(dynamic_typing=True))
            fresh = self.get_parameter_or(parameter.name).type_ is Type.NOT_SET
            (event.new_parameters if fresh else event.changed_parameters).append(parameter.to_parameter_msg())
            own.values[parameter.name] = parameter
        own.announce(event)
        for after in own.post_set:
            after(wanted)
        return accepted()

    def set_descriptor(self, name: str, descriptor: Any, alternative_value: Any = None) -> Any:
        """Replace a descriptor; keeps the value if it complies, else takes the alternative.

        Args:
            name: name of the parameter.
            descriptor: its new ``ParameterDescriptor``.
            alternative_value: ``ParameterValue`` for when the present value does not comply.

        Returns:
            the resulting ``ParameterValue``.

        Raises:
            ParameterNotDeclaredException: it is undeclared and that is not allowed.
            ParameterImmutableException: it is read-only.
            InvalidParameterValueException: neither value complies.
        """
        own = self._rosless_parameters
        if not self.has_parameter(name):
            return self.get_parameter(name).get_parameter_value()
        if own.descriptors[name].read_only:
            raise ParameterImmutableException(name)
        candidate = self.get_parameter(name)
        result = apply_descriptor(candidate, descriptor, declared=True, check_read_only=False)
        if not result.successful and alternative_value is not None:
            candidate = Parameter.from_parameter_msg(ParameterMsg(name=name, value=alternative_value))
            result = apply_descriptor(candidate, descriptor, declared=True, check_read_only=False)
        if not result.successful:
            raise InvalidParameterValueException(name, candidate.value, result.reason)
        own.values[name], own.descriptors[name] = candidate, descriptor
        return candidate.get_parameter_value()

    def add_pre_set_parameters_callback(self, callback: PreSetCallback) -> None:
        """Add a callback that may change the list of parameters before it is validated; newest first."""
        self._rosless_parameters.pre_set.insert(0, callback)

    def add_on_set_parameters_callback(self, callback: OnSetCallback) -> None:
        """Add a callback that accepts or refuses by a ``SetParametersResult``; newest first."""
        self._rosless_parameters.on_set.insert(0, callback)

    def add_post_set_parameters_callback(self, callback: PostSetCallback) -> None:
        """Add a callback that is told what was set; newest first."""
        self._rosless_parameters.post_set.insert(0, callback)

    def remove_pre_set_parameters_callback(self, callback: PreSetCallback) -> None:
        """Remove a callback; ValueError if it was never added."""
        self._rosless_parameters.pre_set.remove(callback)

    def remove_on_set_parameters_callback(self, callback: OnSetCallback) -> None:
        """Remove a callback; ValueError if it was never added."""
        self._rosless_parameters.on_set.remove(callback)

    def remove_post_set_parameters_callback(self, callback: PostSetCallback) -> None:
        """Remove a callback; ValueError if it was never added."""
        self._rosless_parameters.post_set.remove(callback)
