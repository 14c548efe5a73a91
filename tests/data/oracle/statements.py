"""Every statement, with calls in every place an expression may stand."""

import module, package.module as alias
from . import sibling
from ..parent import name as other, second
from everything import *

global_value = make()
first = second = make()
(a, b), [c, *d] = unpack()
target().attribute, target()[index()] = make()
counter += step()
table[key()] -= value()
obj().count *= 2
annotated: int = make()
bare_annotation: int
owner().field: int = make()
del a, table[key()], obj().field, (c, [d])
assert check()
assert check(), describe()
pass

if first_test():
    first_body()
elif second_test():
    second_body()
elif (third := third_test()):
    third_body()
else:
    last_body()

if True:
    always()
else:
    never()

if TYPE_CHECKING:
    from typing import Any
    declared = only_for_types()

while 1:
    forever()
    if enough():
        break
    if again():
        continue
else:
    unreachable()

while condition():
    body()
else:
    after()

for x in items():
    body(x)
else:
    after()

for target().attribute in items():
    pass

for table[index()], *rest in pairs():
    pass

with manager():
    body()

with first() as one, second(one) as (two, three), third() as target().field:
    body()

with (
    grouped() as one,
    grouped(one) as two,
):
    body()

try:
    risky()
except ValueError:
    handle()
except (KeyError, make_error()) as error:
    handle(error)
except:
    anything()
else:
    fine()
finally:
    close()

try:
    only_finally()
finally:
    close()

try:
    grouped()
except* ValueError as group:
    handle(group)
except* (TypeError, OSError):
    handle()


def leaves():
    global global_value
    nonlocal_like = 1

    def inner():
        nonlocal nonlocal_like
        nonlocal_like = change()
        raise

    if inner():
        return
    if inner():
        return inner(), *rest()
    raise make_error() from cause()


raise_(); semicolon(); separated()
if one_line(): body()
for x in one_line(): body()
while one_line(): body()
with one_line(): body()
try: body()
except E: handle()
type_ = type(match)
match = case = _ = print()
