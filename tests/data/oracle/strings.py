"""Calls inside f-strings, and places after text that is not ASCII."""

plain = f"{call()}"
nested = f"{outer(inner())} and {second()!r:>{width()}.{precision()}}"
debug = f"{value()=} {value() = !s}"
joined = "before" f"{first()}" "between" f'{second()}' rf"\d{third()}"
lines = f"""
    {first()}
    {table["key"]} {method(arg='x').then()}
    {{not_a_call()}}
"""
comprehension = f"{[f(x) for x in items()]} {(lambda: made())()} {a() if b() else c()}"
escaped = "{not_a_call()}" + F"{{}}{real()}"
continued = f"{one()}" \
    f"{two()}"
umlaut = "äöü"; after_umlaut()
"😀"; after_emoji(); f"😀{inside_emoji()}é{again()}"
größe = maße(länge())
данные = получить()


async def awaiting():
    return f"{await one()} {(await two()):{await three()}}"


def yielding():
    x = f"{(yield)} {(yield made())}"
    return x
