"""Type parameters and `type`: nothing in them runs."""

type Alias = list[int]
type Generic[T] = dict[str, T]


def first[T](items: list[T]) -> T:
    return items.pop()


async def second[T: (int, str), *Ts, **P](value: T) -> T:
    return await convert(value)


class Box[T](Base):
    def get[U](self, default: U) -> T | U:
        return self.value() or default


type = make()
type(x)
type.method()
