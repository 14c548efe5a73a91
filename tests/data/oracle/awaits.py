"""Where `await` may stand."""


async def everywhere(x):
    await x
    await (x)
    await call()
    await (call())
    (await call())
    value = await call()
    return_value = (await first()).second(await third())
    await (await nested())()
    print(await a(), *await b(), key=await c(), **await d())
    items = [await a(), *(await b())]
    pair = await a(), await b()
    table = {await key(): await value(), **(await rest())}
    chosen = await a() if await condition() else await b()
    await (a() if condition() else b())
    await (a() or b() or c())
    await (a() and b())
    both = await a() and await b() or not await c()
    total = -await a() + await b() ** 2
    compared = await a() < await b() <= await c()
    part = (await a())[await b():await c():2]
    (await a()).attribute = await b()
    (await a())[await b()] = await c()
    (await a())[0] += await b()
    del (await a()).field
    assert await a(), await b()
    if (found := await find()) is not None:
        await use(found)
    while await more():
        await step()
    else:
        await done()
    for _ in await items():
        continue
    async for item in source(await a()):
        await item
    else:
        await done()
    async with await connect() as connection, (await pool()).acquire() as (one, two):
        await connection.execute()
    with open(await name()) as file:
        file.read()
    try:
        await risky()
    except (await kind(), ValueError) as error:
        raise await wrap(error) from await cause()
    except await other_kind():
        raise
    else:
        await fine()
    finally:
        await close()
    lambda: call()
    return await (lambda: call())()


async def aliased():
    task = spawn()
    await task
    return [await it async for it in stream() if await keep(it)]


async def yields():
    got = yield await a()
    yield (await b()), await c()
    yield
