"""From a written module to machine code that stands alone. Runs in a process of its own, ``compiling``.

LLVM inlines what the entry calls and throws the rest away. What is left must refer to nothing outside: no allocation,
no exception, no call into Python. So the object loads anywhere, and needs no lock.

    CodeNotSelfContained      the compiled code needs something from outside
"""

import llvmlite.binding as llvm


class CodeNotSelfContained(RuntimeError):
    """Compiled code refers to the names in its message. A mistake of the back end, never of a rule set."""


def target_machine() -> llvm.TargetMachine:
    """This machine, as the code generator and the loader see it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )


def compile_module(source: str) -> bytes:
    """The object file of a module that ``native_backend`` wrote; its one symbol is ``native_code.SYMBOL``."""
    module, machine = llvm.parse_assembly(source), target_machine()
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    module.verify()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(module, builder)
    outside = _names_from_outside(module)
    if outside:
        raise CodeNotSelfContained(", ".join(outside))
    return bytes(machine.emit_object(module))


def _names_from_outside(module: llvm.ModuleRef) -> list[str]:
    values = (*module.functions, *module.global_variables)
    return sorted(value.name for value in values if value.is_declaration and not value.name.startswith("llvm."))
