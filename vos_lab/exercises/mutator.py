"""Mutants of a function: copies of it with one small change each, most of which are mistakes.

A check that passes a mutant does not see that mistake. What there is to change follows the
literature on mutation testing (for example Offutt and others, "An experimental determination of
sufficient mutant operators", 1996): operators, comparisons, constants, conditions and statements;
and what goes wrong with arrays and tensors: dtypes, axes, arguments, and gradients that get lost.
"""

import ast
import copy
import difflib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """A function with one change.

    Attributes:
        change: the lines before and after, by which the mutant is known.
        function: what to call.
    """

    change: str
    function: Callable[..., Any]


COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mod, ast.Mult),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitXor: (ast.BitAnd, ast.BitOr),
}
# Names and attributes that are taken for one another.
NAMES: dict[str, tuple[str, ...]] = {
    "min": ("max",),
    "max": ("min",),
    "minimum": ("maximum",),
    "maximum": ("minimum",),
    "argmin": ("argmax",),
    "argmax": ("argmin",),
    "any": ("all",),
    "all": ("any",),
    "sum": ("mean",),
    "mean": ("sum",),
    "floor": ("ceil",),
    "ceil": ("floor",),
    "round": ("floor",),
    "rint": ("floor",),
    "sin": ("cos",),
    "cos": ("sin",),
    "zeros": ("ones",),
    "ones": ("zeros",),
    "zeros_like": ("ones_like",),
    "ones_like": ("zeros_like",),
    "logical_and": ("logical_or",),
    "logical_or": ("logical_and",),
    "dilate": ("erode",),
    "erode": ("dilate",),
    "softmax": ("sigmoid",),
    "sigmoid": ("tanh",),
    "log_softmax": ("softmax",),
    "train": ("eval",),
    "eval": ("train",),
    "Adam": ("SGD",),
    "MORPH_ELLIPSE": ("MORPH_RECT",),
    "DIST_L2": ("DIST_L1",),
    "height": ("width",),
    "width": ("height",),
    # dtypes
    "float64": ("float32", "int64"),
    "float32": ("float64", "uint8"),
    "uint8": ("int64", "float32"),
    "int64": ("int32", "float64"),
    "int32": ("int64", "float64"),
    "bool": ("uint8",),
}
TEXTS: dict[str, tuple[str, ...]] = {
    "bilinear": ("nearest",),
    "nearest": ("bilinear",),
    "none": ("mean", "sum"),
    "mean": ("sum",),
    "sum": ("mean",),
    "border": ("zeros",),
    "zeros": ("border",),
    "same": ("full",),
}
# A keyword that only finds mistakes: without it the function is right all the same.
CHECKS_ONLY = {"strict"}
MODULES = {"np", "torch", "cv2", "functional", "nn", "math"}
# Functions whose arguments may stand in any order.
SYMMETRIC = {"min", "max", "minimum", "maximum", "logical_and", "logical_or", "hypot"}


def mutants(function: Callable[..., Any]) -> list[Mutant]:
    """All mutants of a function.

    Args:
        function: written in Python, at the top of its module.

    Returns:
        The mutants, each with a change of its own, in the order of the source.

    Example:
        >>> from textwrap import fill
        >>> [mutant.change for mutant in mutants(fill)][0]
        'at the start: + width = 70'
    """
    tree = parsed(function)
    before = ast.unparse(tree).split("\n")
    found: dict[str, Mutant] = {}
    sources = {"\n".join(before)}
    for changed in changes(tree):
        source = ast.unparse(ast.fix_missing_locations(changed))
        if source in sources:
            continue
        sources.add(source)
        change = in_words(before, source.split("\n"))
        name, number = change, 1
        while name in found:
            number += 1
            name = f"{change} ({number})"
        found[name] = Mutant(name, compiled(source, function))
    return list(found.values())


def parsed(function: Callable[..., Any]) -> ast.FunctionDef:
    """The syntax tree of a function, without decorators, docstring and annotations."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef), function
    tree.decorator_list = []
    if ast.get_docstring(tree) is not None:
        tree.body = tree.body[1:]
    return tree


def compiled(source: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a source text, in the module of the function that it comes from."""
    assert isinstance(function, FunctionType)
    namespace = dict(function.__globals__)
    tree = ast.parse(source)
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    without_annotations(definition)
    exec(compile(tree, "<mutant>", "exec"), namespace)
    made: Callable[..., Any] = namespace[function.__name__]
    return made


def without_annotations(tree: ast.FunctionDef) -> None:
    """Take the annotations of the parameters away: some names in them exist for mypy only."""
    tree.returns = None
    for parameter in parameters(tree):
        parameter.annotation = None


def parameters(tree: ast.FunctionDef) -> list[ast.arg]:
    """All parameters that have a name each."""
    return [*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs]


def in_words(before: list[str], after: list[str]) -> str:
    """How two versions differ, on one line."""
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    parts = []
    for tag, i, j, k, m in matcher.get_opcodes():
        old = "; ".join(line.strip() for line in before[i:j])
        new = "; ".join(line.strip() for line in after[k:m])
        if tag == "replace":
            parts.append(f"{old} → {new}")
        elif tag == "delete":
            parts.append(f"{old} →")
        elif tag == "insert":
            place = "at the start" if before[i - 1].startswith("def ") else before[i - 1].strip()
            parts.append(f"{place}: + {new}")
    return "; ".join(parts)


# --- where to change --------------------------------------------------------------------------

Step = tuple[str, int | None]


def changes(tree: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """All trees with one change."""
    for statement in at_the_start(tree):
        changed = copy.deepcopy(tree)
        changed.body.insert(0, statement)
        yield changed
    torch = "torch" in ast.unparse(tree)
    for path, node in places(tree, ()):
        alternatives: Iterator[ast.AST]
        if isinstance(node, ast.stmt):
            alternatives = statements(node, torch)
        elif isinstance(node, ast.expr):
            alternatives = expressions(node)
        elif isinstance(node, ast.comprehension):
            alternatives = comprehensions(node)
        else:
            continue
        for alternative in alternatives:
            if isinstance(at(tree, path[:-1]), ast.Expr) and not isinstance(alternative, ast.Call):
                continue  # the same as a call that is left out
            yield replaced(tree, path, alternative)


def places(node: ast.AST, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], ast.AST]]:
    """All nodes that may be changed, with the way to each of them."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "ctx", "args") and not isinstance(node, ast.Call):
            continue
        if isinstance(node, ast.Raise):
            continue  # what an error says is not tested
        children = value if isinstance(value, list) else [value]
        for number, child in enumerate(children):
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr):
                continue
            if isinstance(child, ast.keyword) and child.arg in CHECKS_ONLY:
                continue
            step = (name, number if isinstance(value, list) else None)
            yield (*path, step), child
            yield from places(child, (*path, step))


def replaced(
    tree: ast.FunctionDef, path: tuple[Step, ...], alternative: ast.AST
) -> ast.FunctionDef:
    """A copy of the tree with another node in one place."""
    changed = copy.deepcopy(tree)
    parent, (name, number) = at(changed, path[:-1]), path[-1]
    if number is None:
        setattr(parent, name, copy.deepcopy(alternative))
    else:
        getattr(parent, name)[number] = copy.deepcopy(alternative)
    return changed


def at(tree: ast.AST, path: tuple[Step, ...]) -> ast.AST:
    """The node that a way leads to."""
    node: Any = tree
    for name, number in path:
        node = getattr(node, name) if number is None else getattr(node, name)[number]
    return node


# --- what to change ---------------------------------------------------------------------------


def at_the_start(tree: ast.FunctionDef) -> Iterator[ast.stmt]:
    """Parameters that are ignored, cut off from what made them, or exchanged."""
    positional = [*tree.args.posonlyargs, *tree.args.args]
    defaults = dict(zip([p.arg for p in positional][::-1], tree.args.defaults[::-1], strict=False))
    defaults |= {
        p.arg: value
        for p, value in zip(tree.args.kwonlyargs, tree.args.kw_defaults, strict=True)
        if value is not None
    }
    for parameter in parameters(tree):
        name, kind = parameter.arg, ast.unparse(parameter.annotation or ast.Constant(""))
        texts = [ast.unparse(defaults[name])] if name in defaults else []
        if kind in ("int", "float"):
            texts += ["0", "1"]
        if kind == "np.ndarray":
            texts += [f"np.zeros_like({name})"]
        if kind == "torch.Tensor":
            texts += [f"torch.zeros_like({name})", f"{name}.detach()"]
        if kind == "Sequence[torch.Tensor]":
            texts += [f"[item.detach() for item in {name}]"]
        if kind.startswith(("Sequence", "list")):
            texts += [f"{name}[::-1]", f"{name}[:1]"]
        for text in texts:
            yield statement(f"{name} = {text}")
    for number, first in enumerate(parameters(tree)):
        for second in parameters(tree)[number + 1 :]:
            kinds = [ast.unparse(p.annotation) for p in (first, second) if p.annotation]
            if len(kinds) == 2 and kinds[0] == kinds[1]:
                yield statement(f"{first.arg}, {second.arg} = {second.arg}, {first.arg}")


def statement(text: str) -> ast.stmt:
    """A statement of a text."""
    return ast.parse(text).body[0]


def statements(node: ast.stmt, torch: bool) -> Iterator[ast.stmt]:
    """A statement that is left out, or does not do all that it should."""
    if not isinstance(node, ast.Return | ast.Pass):
        yield ast.Pass()
    if isinstance(node, ast.For | ast.While):
        once = copy.deepcopy(node)
        once.body.append(ast.Break())
        yield once
    if isinstance(node, ast.For):
        for part in ("[1:]", "[:-1]", "[::-1]"):
            fewer = copy.deepcopy(node)
            listed = ast.Call(ast.Name("list", ast.Load()), [node.iter], [])
            fewer.iter = parsed_expression(f"{ast.unparse(listed)}{part}")
            yield fewer
    if isinstance(node, ast.If):
        for condition in (negated(node.test), ast.Constant(True)):
            yield ast.If(condition, node.body, node.orelse)
    if isinstance(node, ast.While):
        yield ast.While(negated(node.test), node.body, node.orelse)
    if isinstance(node, ast.AugAssign):
        for operator in OPERATORS.get(type(node.op), ()):
            yield ast.AugAssign(node.target, operator(), node.value)
        assigned = copy.deepcopy(node.target)
        yield ast.Assign([assigned], node.value, lineno=0)
    if isinstance(node, ast.Continue):
        yield ast.Break()
    if isinstance(node, ast.Break):
        yield ast.Continue()
    if torch and isinstance(node, ast.Assign | ast.Return) and node.value is not None:
        for form in ("({}).detach()", "({}).item()", "float({})"):
            if isinstance(node, ast.Return) or "detach" in form:
                cut = copy.deepcopy(node)
                cut.value = parsed_expression(form.format(ast.unparse(node.value)))
                yield cut


def parsed_expression(text: str) -> ast.expr:
    """An expression of a text."""
    return ast.parse(text, mode="eval").body


def negated(test: ast.expr) -> ast.expr:
    """The contrary of a condition."""
    return ast.UnaryOp(ast.Not(), test)


def expressions(node: ast.expr) -> Iterator[ast.expr]:
    """Expressions that somebody may have written in place of this one."""
    if isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
        return
    match node:
        case ast.Compare(left, [operator], [right]):
            for other in COMPARISONS[type(operator)]:
                yield ast.Compare(left, [other()], [right])
        case ast.Compare(left, operators, comparators):
            for number, operator in enumerate(operators):
                for other in COMPARISONS[type(operator)]:
                    several: list[ast.cmpop] = list(operators)
                    several[number] = other()
                    yield ast.Compare(left, several, comparators)
        case ast.BinOp(left, operation, right):
            for another in OPERATORS.get(type(operation), ()):
                yield ast.BinOp(left, another(), right)
            yield left
            yield right
            if isinstance(operation, ast.Sub | ast.Div | ast.FloorDiv | ast.Mod | ast.Pow):
                yield ast.BinOp(right, operation, left)
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.BoolOp(operation, values):
            yield ast.BoolOp(ast.Or() if isinstance(operation, ast.And) else ast.And(), values)
            yield from values
        case ast.IfExp(test, body, otherwise):
            yield ast.IfExp(negated(test), body, otherwise)
            yield body
            yield otherwise
        case ast.Constant(value):
            yield from constants(value)
        case ast.Name(name):
            for other_name in NAMES.get(name, ()):
                yield ast.Name(other_name, ast.Load())
        case ast.Attribute(value, name):
            for other_name in NAMES.get(name, ()):
                yield ast.Attribute(value, other_name, ast.Load())
        case ast.Call():
            yield from calls(node)
        case ast.Subscript(value, index):
            yield value
            yield from subscripts(value, index)
        case ast.Tuple(items) | ast.List(items) if len(items) == 2:
            turned = copy.deepcopy(node)
            turned.elts = [items[1], items[0]]
            yield turned


def constants(value: Any) -> Iterator[ast.expr]:
    """Other constants."""
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield from map(ast.Constant, (value + 1, value - 1))
    elif isinstance(value, float):
        yield from map(ast.Constant, (value * 2, value / 2) if value else (1.0, -1.0))
    elif isinstance(value, str):
        yield from map(ast.Constant, TEXTS.get(value, ()))


def calls(node: ast.Call) -> Iterator[ast.expr]:
    """A call that is left out, that lacks an argument, or whose arguments are exchanged."""
    plain = not any(isinstance(argument, ast.Starred) for argument in node.args)
    if isinstance(node.func, ast.Attribute) and not is_module(node.func.value):
        yield node.func.value  # x.f() -> x
    elif node.args and plain:
        yield node.args[0]  # f(x) -> x
    for number, keyword in enumerate(node.keywords):
        if keyword.arg not in CHECKS_ONLY:
            rest = [*node.keywords[:number], *node.keywords[number + 1 :]]
            yield ast.Call(node.func, node.args, rest)
    if plain and len(node.args) > 1:
        yield ast.Call(node.func, node.args[:-1], node.keywords)
    if plain and ast.unparse(node.func).split(".")[-1] not in SYMMETRIC:
        for number in range(len(node.args) - 1):
            first, second = node.args[number : number + 2]
            turned = [*node.args[:number], second, first, *node.args[number + 2 :]]
            yield ast.Call(node.func, turned, node.keywords)
    if isinstance(node.func, ast.Name) and node.func.id == "round" and node.args:
        yield ast.Call(ast.Name("int", ast.Load()), node.args[:1], [])
    if isinstance(node.func, ast.Attribute) and node.func.attr == "inference_mode":
        yield parsed_expression("torch.enable_grad()")


def is_module(value: ast.expr) -> bool:
    """Whether this is, by its name, a module."""
    named = isinstance(value, ast.Name | ast.Attribute)
    return named and ast.unparse(value).split(".")[0] in MODULES


def subscripts(value: ast.expr, index: ast.expr) -> Iterator[ast.expr]:
    """Slices that are one longer or shorter, or open at an end, along each axis."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    for number, part in enumerate(parts):
        if not isinstance(part, ast.Slice):
            continue
        others = []
        for bound in (part.lower, part.upper):
            if bound is None or isinstance(bound, ast.Constant):
                continue  # a constant is changed as such
            for step in (1, -1):
                moved = ast.BinOp(bound, ast.Add() if step > 0 else ast.Sub(), ast.Constant(1))
                if bound is part.lower:
                    others.append(ast.Slice(moved, part.upper, part.step))
                else:
                    others.append(ast.Slice(part.lower, moved, part.step))
        if part.lower is not None:
            others.append(ast.Slice(None, part.upper, part.step))
        if part.upper is not None:
            others.append(ast.Slice(part.lower, None, part.step))
        if part.step is not None:
            others.append(ast.Slice(part.lower, part.upper, None))
        for other in others:
            several: list[ast.expr] = [*parts[:number], other, *parts[number + 1 :]]
            whole = ast.Tuple(several, ast.Load()) if isinstance(index, ast.Tuple) else other
            yield ast.Subscript(value, whole, ast.Load())


def comprehensions(node: ast.comprehension) -> Iterator[ast.comprehension]:
    """A loop of a comprehension without its condition, or over fewer items."""
    for number, condition in enumerate(node.ifs):
        rest = [*node.ifs[:number], *node.ifs[number + 1 :]]
        yield ast.comprehension(node.target, node.iter, rest, node.is_async)
        opposite = [*rest, negated(condition)]
        yield ast.comprehension(node.target, node.iter, opposite, node.is_async)
    for part in ("[1:]", "[:-1]"):
        listed = parsed_expression(f"list({ast.unparse(node.iter)}){part}")
        yield ast.comprehension(node.target, listed, node.ifs, node.is_async)
