"""`match`: patterns, guards, and the soft keywords as names."""


def matches(subject):
    match subject():
        case 0 | -1 | 1 + 2j | 2 - 3j | "text" "joined" | b"bytes":
            pass
        case _:
            fallback()


def patterns(subject):
    match subject.read():
        case 1:
            one()
        case -1.5 | "a" "b" | None | True:
            literal()
        case Color.RED | module.Color.GREEN:
            value()
        case [first, *_, last] if check(first, last):
            sequence()
        case (single,):
            one_tuple()
        case {"key": found, Color.RED: [inner, *rest], **others} if found():
            mapping(others)
        case Point(x=0, y=other) | Point(0, other):
            pass
        case Outer(Inner(a, b=[c]), d=Other()) as whole if (y := whole.check()):
            class_pattern(y)
        case str(text) | bytes(text):
            cast(text)
        case name if guard(name) and other_guard():
            captured()
        case _:
            nothing()


async def asynchronous(queue):
    match await queue.get():
        case Stop():
            await queue.close()
        case Item(value) if await accepted(value):
            await handle(value)
    match await one(), two():
        case a, b:
            return await a(b)


match = compute()
match(1)
match.method()
match[case()]
case = match
