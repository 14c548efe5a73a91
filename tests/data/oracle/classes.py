"""Class bodies run where they stand."""


class Empty: pass


class Base(metaclass=make_meta(), flag=compute()):
    attribute = call()
    table = {key(): value() for key, value in pairs()}

    def method(self):
        return self.other(super().method())

    @property
    def value(self):
        return self._value()

    @value.setter
    def value(self, new):
        self._value = check(new)

    @staticmethod
    def static(x=default()):
        return Base.make(x)

    @classmethod
    async def create(cls, *args):
        self = cls(*args)
        await self.start()
        return self

    class Inner(make_base(), object):
        field = compute()

        async def method(self):
            async with self.lock():
                yield self.read()

    shortcut = lambda self: self.method()

    if condition():
        def conditional(self):
            return first()
    else:
        def conditional(self):
            return second()


@decorate
@decorate_with(option())
class Decorated(Base, Other[int]):
    x: int = field(default=1)
    y: list[str] = field(default_factory=lambda: list())


def factory():
    class Local(Base):
        def method(self):
            return factory()

    return Local()
