"""Which names a piece of source takes from around it, and which it leaves behind."""

import builtins
import symtable


def free_names(source: str) -> set[str]:
    """The names that a piece of source takes from the notebook around it.

    Example:
        >>> sorted(free_names("def area(mask: np.ndarray) -> int: return int(count(mask))"))
        ['count', 'np']
    """
    table = symtable.symtable(source, "source", "exec")
    bound = bound_in(table)
    used = {s.get_name() for s in table.get_symbols() if s.is_referenced()}

    def collect(inner: symtable.SymbolTable) -> None:
        used.update(
            s.get_name() for s in inner.get_symbols() if s.is_global() and s.is_referenced()
        )
        for child in inner.get_children():
            collect(child)

    for child in table.get_children():
        collect(child)
    return used - bound - set(dir(builtins))


def bound_in(table: symtable.SymbolTable) -> set[str]:
    """The names that a scope binds: imports, functions, classes, variables.

    Example:
        >>> sorted(bound_in(symtable.symtable("import os; a = 1", "source", "exec")))
        ['a', 'os']
    """
    return {
        s.get_name()
        for s in table.get_symbols()
        if s.is_assigned() or s.is_imported() or s.is_namespace()
    }
