"""Definitions: kinds, parameters, decorators, nesting."""

import functools


def plain():
    pass


def parameters(a, b=len("b"), /, c=1, *args, d, e=max(1, 2), **kwargs):
    return plain(a, *args, d=d, **kwargs)


def keyword_only(*, first=min(3, 4), second):
    return first or second


@functools.lru_cache
@functools.wraps(plain)
def decorated(x: int = int("3")) -> str:
    return str(x)


def registered(name):
    @registry.add(name, lambda: make(name))
    def inner(value=compute()):
        def innermost():
            return value()

        return innermost

    return inner


async def coroutine():
    await other()


async def outer():
    async def inner():
        return await other(await coroutine())

    def callback():
        return inner()

    return await inner(), callback()


def one_line(): return call_in_one_line()


async def one_line_async(): await one()


def generator():
    received = yield
    yield received
    yield make(), take()
    value = yield from other_generator()
    return value


async def async_generator():
    yield await produce()
    for item in await items():
        yield item


def generator_with_inner():
    def not_a_generator():
        return (yield_like(), 1)

    lambda: (yield)
    return not_a_generator


def defaults(callback=lambda value=fetch(): process(value), *, limit=limit()):
    return callback


def recursive_default(f=(lambda: (lambda: deep())())):
    return f()


def with_annotations(a: "List[int]", *rest: tuple, **named: dict) -> None:
    local: int = compute()
    unset: str
    self.attribute: int = compute()
    table()[key()]: int = compute()
