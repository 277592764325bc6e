"""Tuples of arrays that kernels take by their address. Used by every file that declares one.

Numba hands a named tuple from one function to the next by its value: each field of each array is an argument, some
three hundred of them, and every call copies them all, unless it is inlined. A class that is marked with ``view`` looks
the same to a kernel, ``world.rules[i]``, but is handed on by an address. So a part that is called from ten places need
be compiled only once.

Likewise from Python: to look at each array of a tuple takes Numba longer than most batches take to decide. So a tuple
writes down once what a kernel asks of its arrays, and from then on its address is all that a kernel is given.
"""

from collections.abc import Iterator
from operator import is_
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_borrowed
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)

Viewed = TypeVar("Viewed", bound=type[tuple[Any, ...]])
Tuple = TypeVar("Tuple", bound=tuple[Any, ...])
Kind = tuple[np.dtype[Any], int]
"""What the elements of an array are, and how many dimensions it has."""

# Of fields, no name begins with an underscore.
_ADDRESS, _WORDS = "_address", "_words"


def view(viewed: Viewed) -> Viewed:
    """Have kernels take tuples of this class by their address. Its fields are arrays without gaps, and such tuples."""
    names = ("__module__", "__qualname__", "__doc__")
    namespace = {name: getattr(viewed, name) for name in names} | {_ADDRESS: _Address()}
    placed = cast("Viewed", type(viewed.__name__, (viewed,), namespace))
    typeof_impl.register(placed)(_type_of)
    return placed


class Recent:
    """The latest tuples of a kind, so that one that has the very same fields need not be written down again."""

    def __init__(self, count: int = 1) -> None:
        self._count = count
        self._kept: list[tuple[Any, ...]] = []

    def same(self, fresh: Tuple) -> Tuple:
        """Return the tuple of them that has the fields of ``fresh``, or else that one, which is kept."""
        for kept in self._kept:
            if all(map(is_, kept, fresh)):
                return cast("Tuple", kept)
        self._kept = [fresh, *self._kept[: self._count - 1]]
        return fresh


# ----------------------------------------------------------------------------------------------------------- in Python


class _Address:
    """Where a tuple stands as kernels see it: found when it is first asked for, and the tuple's own from then on.

    Each tuple of a class must have arrays of the same kinds as the first one had: kernels are compiled for those.
    """

    def __init__(self) -> None:
        self._kinds: list[Kind] = []

    def __get__(self, viewed: tuple[Any, ...] | None, owner: type) -> Any:
        if viewed is None:
            return self
        arrays = list(_arrays_of(viewed))
        self._kinds = self._kinds or list(map(kind_of, arrays))
        for array, kind in zip(arrays, self._kinds, strict=True):
            check_kind(array, kind)
        words = np.array([word for array in arrays for word in _words_of(array)], np.int64)
        # They live as long as the tuple, which lives as long as a call that it was given to; of two threads that come
        # here at once, both take those of the first.
        words = viewed.__dict__.setdefault(_WORDS, words)
        return viewed.__dict__.setdefault(_ADDRESS, _place_of(words))


def kind_of(array: Any) -> Kind:
    """Return what a kernel is compiled for."""
    return array.dtype, array.ndim


def check_kind(array: Any, kind: Kind) -> None:
    """Raise ``TypeError`` if a kernel that was compiled for arrays of a kind would not find in this one what it asks.

    Nobody else looks: it would read and write what stands somewhere else.
    """
    flags = array.flags
    if kind_of(array) != kind or not (flags.c_contiguous and flags.writeable and flags.aligned):
        raise TypeError(f"a kernel takes arrays of {kind} that have no gaps, not of {kind_of(array)}")


def _arrays_of(viewed: tuple[Any, ...]) -> Iterator[npt.NDArray[Any]]:
    for field in viewed:
        if isinstance(field, tuple):
            yield from _arrays_of(field)
        else:
            yield field


def _place_of(array: npt.NDArray[Any]) -> int:
    return cast("int", array.__array_interface__["data"][0])


def _words_of(array: npt.NDArray[Any]) -> tuple[int, ...]:
    """Return an array as ``numba.core.datamodel``'s ArrayModel has it; nobody counts references to it."""
    return 0, 0, array.size, array.itemsize, _place_of(array), *array.shape, *array.strides


# ---------------------------------------------------------------------------------------------------------- in kernels


class View(types.Type):
    """The type of an address of a named tuple, none of whose fields ever changes."""

    def __init__(self, content: types.NamedTuple) -> None:
        self.content = content
        super().__init__(name=f"View({content})")

    @property
    def key(self) -> types.NamedTuple:
        """Return what tells this type from others."""
        return self.content

    def field(self, name: str) -> tuple[int, Any]:
        """Return the place and type of a field; a tuple in it is a view as well."""
        place = self.content.fields.index(name)
        of = self.content.types[place]
        return place, View(of) if isinstance(of, types.NamedTuple) else of


def _type_of(value: Any, context: Any) -> View:
    fields = [typeof_impl(field, context) for field in value]
    return View(types.NamedTuple([of.content if isinstance(of, View) else of for of in fields], type(value)))


@register_model(View)
class _ViewModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, view: View) -> None:
        super().__init__(dmm, view, dmm.lookup(view.content).get_value_type().as_pointer())


@infer_getattr
class _Fields(AttributeTemplate):
    key = View

    def generic_resolve(self, value: View, attr: str) -> Any:  # type: ignore[override]  # it says: not implemented
        return value.field(attr)[1] if attr in value.content.fields else None


@lower_getattr_generic(View)
def _get_field(context: Any, builder: Any, view: View, address: Any, name: str) -> Any:
    place, of = view.field(name)
    field = cgutils.gep_inbounds(builder, address, 0, place)
    if isinstance(of, View):
        return field
    return impl_ret_borrowed(context, builder, of, _load(builder, field))


def _load(builder: Any, address: Any) -> Any:
    """Return what stands there, each part of it loaded by itself: most of an array is never asked for."""
    of = address.type.pointee
    if not hasattr(of, "elements") and not hasattr(of, "element"):
        return builder.load(address)
    whole = of(None)
    for place in range(len(of)):
        whole = builder.insert_value(whole, _load(builder, cgutils.gep_inbounds(builder, address, 0, place)), place)
    return whole


@unbox(View)
def _unbox(view: View, value: Any, c: Any) -> NativeValue:
    """Take the address that a tuple says."""
    number = c.pyapi.object_getattr_string(value, _ADDRESS)
    is_error = cgutils.is_null(c.builder, number)
    of = c.context.get_value_type(view)
    place = cgutils.alloca_once_value(c.builder, cgutils.get_null_value(of))
    with cgutils.if_likely(c.builder, c.builder.not_(is_error)):
        c.builder.store(c.builder.bitcast(c.pyapi.long_as_voidptr(number), of), place)
        c.pyapi.decref(number)
    return NativeValue(c.builder.load(place), is_error=is_error)
