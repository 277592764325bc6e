"""Tuples of arrays that kernels take by their address. Used by every file that declares one.

Numba hands a named tuple from one function to the next by its value: each field of each array is an argument, some
three hundred of them, and every call copies them all, unless it is inlined. A class that is marked with ``view`` looks
the same to a kernel, ``world.rules[i]``, but stands in the memory of the call from Python, and its address is all that
is handed on. So a part that is called from ten places need be compiled only once.
"""

from typing import Any, TypeVar

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


def view(viewed: Viewed) -> Viewed:
    """Have kernels take tuples of this class by their address."""
    typeof_impl.register(viewed)(_type_of)
    return viewed


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
    """Put the tuple into the frame of the function that Python calls, which is there for as long as the kernel runs."""
    content = c.unbox(view.content, value)
    address = cgutils.alloca_once_value(c.builder, content.value)
    return NativeValue(address, is_error=content.is_error, cleanup=content.cleanup)
