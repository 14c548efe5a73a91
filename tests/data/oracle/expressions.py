"""Operators, displays, subscripts, lambdas, chains."""

f()
f()()()
f(g(h()))
(f)()
(f())
((f))((g))
a.b.c()
a().b().c().d
a()[b()].c()[d()]()
a[1:b(), ::c(), ..., None]
a[b():c():d()]
f(1, *a(), 2, *b(), x=c(), **d(), **e())
f(x for x in y())
f(lambda: g(), key=lambda x, *, y=h(): x(y))
(lambda: None)()
lambda: (yield_ := g())
lambda *args, **kwargs: f(*args, **kwargs)
lambda x: lambda y: lambda z: x(y(z()))
not f() and g() or h()
-f() + ~g() - +h()
f() @ g() // h() % i() << j() >> k() & l() ^ m() | n()
f() < g() == h() is not i() not in j() in k()
f() if g() else h() if i() else j()
(x := f(y := g()))
[f(), *g(), [h()]]
(f(), *g(), ())
{f(), *g()}
{f(): g(), **h(), "k": {i(): j()}}
{}
(f(),)
x = yield_ = f()
x = f(),
x = *f(), g()
print((f)(1)(2), (lambda: g)()())
value = (
    builder()
    .first(a())
    .second(
        b(),
    )
    .third()
)
decorator = f \
    .g() \
    .h()
0x10.__class__(); 1_000 .bit_length(); 1.5.hex(); 1j.conjugate()
"text".join(f()); b"bytes".decode(); "a" "b".upper()
...
None
