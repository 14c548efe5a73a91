"""Comprehensions belong to the function they stand in."""


def plain():
    one = [f(x) for x in items()]
    two = {f(x) for x in items() if keep(x)}
    three = {key(x): value(x) for x in items() if a(x) if b(x)}
    four = sum(weight(x) for x in items())
    five = list(f(x, y) for x in rows() for y in columns(x) if pair(x, y))
    six = [[inner(y) for y in x()] for x in outer()]
    seven = [y for x in items() if (y := f(x))]
    eight = [lambda x=x: call(x) for x in items()]
    nine = [a() if test() else b() for (x, (y, *z)) in items()]
    ten = f(*(g(x) for x in y()), **{k: h(v) for k, v in z().items()})
    eleven = [x for target().attribute in items() for table()[index()] in rows()]
    return any(one), two, three, four, five, six, seven, eight, nine, ten, eleven


async def asynchronous():
    one = [x async for x in stream()]
    two = {await f(x) async for x in stream() if await keep(x)}
    three = {await k(x): await v(x) for x in await items()}
    four = (await f(x) async for x in stream())
    five = [y async for x in outer() for y in await x() if check(y)]
    async for six in (f(x) async for x in stream()):
        await six()
    return one, two, three, four, five


top = [module_level(x) for x in at_top()]
