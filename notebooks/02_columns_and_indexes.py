# %% [markdown]
# # From bytes to index to columns
#
# A file holds messages, one behind the other. Your question is about one field of them, say the
# price. This page follows the price of an order: from its place in the file, by way of an index,
# into a column, and from there into Arrow and a database.
#
# - **You will do:** predict at each step what it costs, measure it, and ask one question in five
#   ways.
# - **You will learn:** what an index is; what byte order and distance cost; when a copy pays; what
#   a small view keeps in memory; how far each step is from the limit of your machine.
# - **You need:** the ideas of [Start here](00_start_here.ipynb) (copy, view, flyweight), and about
#   thirty minutes. [Two pipelines](01_two_pipelines.ipynb) comes before this page, but you can do
#   without.
#
# Make each prediction before you run the next cell. All figures are measured while you read.

# %%
FILE = "../data/feed.pcap"  # for an ITCH file of your own, change this line and nothing else

import numpy as np

import zcviz
from zcviz.lessons import exercise, figure, figures, predict
from zcviz.lessons.material import needs

feed = zcviz.open(FILE)
needs(feed, "A")  # Add Orders: this page is about them
feed

# %% [markdown]
# ## 1 · From bytes to an index
#
# Messages differ in length, and between them there are lengths and packet headers. So nothing in
# the file says where the thousandth message begins. To find out, somebody has to go through all
# that come before it. The index is what is written down on the way.

# %%
from zcviz.viz.comb import comb

comb(feed)  # other messages: comb(feed, first=1000)

# %% [markdown]
# Above is a piece of the file. From the first byte of each message a line leads to its entry. The
# three strips below are the index, at the same scale: three arrays with one entry a message each.
# What they hold are numbers: where, how long, of which type.

# %%
entry_guess = predict(
    f"A message has {feed.index.sizes.mean():.0f} bytes on average. "
    "How many bytes does the index have for each?",
    unit="bytes",
)
entry_guess

# %%
index = feed.index
arrays = {"offset": index.offsets, "size": index.sizes, "tag": index.tags}
entry_guess.reveal(
    sum(array.itemsize for array in arrays.values()),
    " · ".join(f"{name} {array.itemsize} B" for name, array in arrays.items())
    + ". Of the message itself only the tag is in it. The index is **derived**: it neither copies "
    "messages nor looks into them.",
)

# %% [markdown]
# Some questions can be answered by the index alone, without a look at any message:

# %%
orders = index.offsets[index.tags == ord("A")]
figures(
    figure(len(orders), "", f"Add Orders among {len(feed):,} messages"),
    figure(index.sizes.max(), "B", "in the longest message"),
    figure(orders.nbytes, "B", "for the places of all Add Orders"),
)

# %% [markdown]
# The others need the bytes. The price of an order is a number of four bytes, always at the same
# place in the message. Here is the first one. Read it in the wrong order, and it is another number:

# %%
order = feed.protocol["A"]
price = order["price"]
at = int(orders[0]) + price.offset
wire = bytes(feed.data[at : at + price.type.size])
print(f"byte {price.offset} to {price.end} of the message: {wire.hex(' ')}")
print(f"high byte first, as on the wire:    {int.from_bytes(wire, 'big'):>13,}")
print(f"low byte first, as most processors: {int.from_bytes(wire, 'little'):>13,}")

# %% [markdown]
# ## 2 · One field of many messages
#
# numpy can look at many numbers without copying one, if it is always equally far from one to the
# next. That distance is called the **stride**. How far is it from one price to the next?

# %%
apart, times = np.unique(np.diff(orders), return_counts=True)
figures(
    figure(len(apart), "", "different distances between two orders"),
    figure(apart.min(), "B", "the least"),
    figure(apart.max(), "B", "the most"),
    figure(times.max() / times.sum() * 100, "%", f"are {apart[times.argmax()]} B"),
)

# %% [markdown]
# There is no one stride: other messages and headers lie between. It holds for short runs only. Here
# is the longest of them, as a view:

# %%
from zcviz.lessons.strides import longest_run

first, number, stride = longest_run(orders)
run = np.ndarray(number, ">u4", feed.data, int(orders[first]) + price.offset, strides=stride)
print(run / 10_000)
zcviz.provenance(run)

# %% [markdown]
# `>u4` says: an unsigned number of four bytes, high byte first. With that, numpy reads the wire
# as it is. But for all orders of the day there is no such view. Their prices have to be fetched one
# by one, through the index. That is called **gather**, and it makes a copy:

# %%
from zcviz.codec import gather

column = gather(feed.data, orders, order, "price")
zcviz.provenance(column)

# %% [markdown]
# Is the copy a pity? A processor does not fetch bytes from memory. It fetches *lines*, of 64 bytes
# on most machines: whoever wants four bytes gets all of the line in which they lie.

# %%
lines_guess = predict(
    f"The prices of all {len(orders):,} orders are {column.nbytes:,} bytes. "
    "How many bytes have to be fetched to read them where they lie?",
    unit="bytes",
)
lines_guess

# %%
from zcviz.viz.lines import LINE, cache_lines

address = feed.source.address + orders.astype(np.uint64) + price.offset
lines = np.union1d(address // LINE, (address + 3) // LINE)
fetched = len(lines) * LINE
lines_guess.reveal(
    fetched,
    f"Counted from the addresses: {len(lines):,} lines of {LINE} B, {fetched / column.nbytes:.1f} "
    "bytes for each that is wanted. A column has them without gaps.",
    kind="zero-copy",
)

# %%
middle = len(orders) // 2
cache_lines(feed, orders[middle : middle + 16], order, "price")

# %% [markdown]
# Grey are the lines that have to be fetched, blue the bytes that anybody wants of them. Lines with
# a dotted edge are not touched.
#
# ### What the distance costs
#
# The same memory, looked at with several strides. The question is always the same: which is the
# largest value?

# %%
stride_guess = predict(
    f"How many times as long does a value take at a distance of {LINE} B as at one of 4 B?",
    choices=[1, 2, 4, 8, 16, 32],
    unit="×",
)
stride_guess

# %%
from zcviz.lessons.strides import cost_by_stride

memory = np.zeros(32 << 20, np.uint8)
strides = sorted({4, 8, 12, 16, 24, 36, 48, LINE, 96, 128, 192, 256})
views = {s: np.ndarray(len(memory) // s, "u4", memory, strides=s) for s in strides}
by_stride = cost_by_stride(views, np.max)
by_stride

# %%
stride_guess.reveal(
    by_stride.ns[LINE] / by_stride.ns[4],
    "Neighbours share a line, and are compared several at a time. From one line on, each value "
    "costs a line of its own: there the curve bends.",
)

# %% [markdown]
# What comes after the bend differs from machine to machine. Lines are fetched ahead, often in
# pairs; and where addresses are a power of two apart, many of them compete for few places in the
# cache.

# %% [markdown]
# ## 3 · Byte order, distance, and one copy
#
# Now both at once. Let us be generous and lay all orders next to each other, without anything
# between: *rows*. (That is a copy already. We make it once, and do not count it.) In rows there is
# a stride, and so there is a view of all prices.

# %%
from zcviz.codec import dtype_of
from zcviz.lessons.material import rows_of

rows = rows_of(feed, "A")
rows = np.tile(rows, 1 + (32 << 20) // len(rows))  # the same orders again, until it is 32 MB
wire_rows = rows.view(dtype_of(order))
wire_rows["price"].dtype, wire_rows["price"].strides, zcviz.shares_memory(wire_rows["price"], rows)

# %% [markdown]
# Four ways in which the same prices can lie in memory: in rows or in a column, in the order of the
# wire or in that of the processor.

# %%
native_rows = wire_rows.astype(wire_rows.dtype.newbyteorder("="))
prices = {
    "rows, wire order": wire_rows["price"],
    "rows, native order": native_rows["price"],
    "column, wire order": wire_rows["price"].copy(),
    "column, native order": wire_rows["price"].astype("=u4"),
}
{name: (each.dtype.str, each.strides) for name, each in prices.items()}

# %%
order_guess = predict(
    "You look for the highest price. What costs more: that the bytes stand in the order of the "
    "wire, or that the prices are 36 bytes apart?",
    choices=["the byte order", "the distance"],
)
order_guess

# %%
from zcviz.lessons.listing import Bar, bars
from zcviz.lessons.pace import pace

ask = np.max  # another question: np.sum, np.mean, lambda values: np.count_nonzero(values > 1e6)
questions = {name: lambda each=each: ask(each) for name, each in prices.items()}
lying = pace(questions, len(wire_rows))
bars(
    [Bar(name, ns, "copying" if "column" in name else "") for name, ns in lying.items()],
    "ns",
    title="Highest price, time per order",
)

# %%
order_cost = lying["column, wire order"] - lying["column, native order"]
distance_cost = lying["rows, native order"] - lying["column, native order"]
order_guess.reveal(
    "the byte order" if order_cost > distance_cost else "the distance",
    f"In a column, the order of the wire costs {order_cost:.2f} ns more for each value; in native "
    f"order, the distance costs {distance_cost:.2f} ns more.",
)

# %% [markdown]
# `gather` settles both: what it makes lies together, and in the order of the processor. The price
# for that is one copy. When has it paid?

# %%
times_guess = predict(
    "The copy has to be made first, and that takes as long as any question of the rows, or "
    "longer. After how many questions has it paid?",
    unit="questions",
)
times_guess

# %%
from zcviz.lessons.crossover import cost_by_questions

in_rows = wire_rows["price"]
costs = cost_by_questions(lambda: in_rows.astype("=u4"), ask, in_rows)
costs

# %%
times_guess.reveal(
    costs.crossover or 7,
    "The copy has to go through the rows once, as each question has to that is asked of them. "
    "So it is the second or third question that pays for it. Ask once, and you can do without.",
    kind="copying",
)

# %% [markdown]
# ## 4 · What a view pins
#
# A view has no memory of its own, and keeps all of its owner's. What that comes to is easy to
# overlook, for no view looks large. Say that you read five days, and of each day keep two prices:

# %%
DAY = dtype_of(order)


def two_prices(copied):
    day = np.zeros(100_000, DAY)  # stands for a day of 100,000 orders
    two = day["price"][:2]
    return two.copy() if copied else two


# %%
pin_guess = predict(
    f"Five times two prices of four bytes: 40 bytes. A day is {100_000 * DAY.itemsize:,} bytes. "
    "How many bytes are still in memory when the five days have been read?",
    unit="bytes",
)
pin_guess

# %%
with zcviz.allocations() as viewed:
    kept = [two_prices(copied=False) for day in range(5)]
with zcviz.allocations() as copied:
    kept_too = [two_prices(copied=True) for day in range(5)]
pin_guess.reveal(
    viewed.net,
    f"Five views, five whole days. Had the ten prices been copied, it would be {copied.net:,} "
    "bytes, most of them for the array objects themselves.",
    kind="zero-copy",
)

# %% [markdown]
# And a view into the file keeps the file. Which of these do? Each is made from the file, opened
# anew; then the file is closed, if it can be.

# %%
from zcviz.lessons.pins import pins

at = int(orders[first]) + price.offset  # two that lie in a run
pins(
    FILE,
    {
        "two prices, in place": lambda feed: np.ndarray(2, ">u4", feed.data, at, strides=stride),
        "two entries of the index": lambda feed: feed.index.offsets[:2],
        "two values of a column": lambda feed: feed.table("A")["price"][:2],
        "the same, copied": lambda feed: feed.table("A")["price"][:2].copy(),
        "a record": lambda feed: next(feed.records()),
        "a flyweight": lambda feed: next(feed.views()),
    },
)

# %% [markdown]
# - A view **into the file** keeps it from being closed. (Where the bytes were unpacked into
#   Python's own memory, as from gzip, it can be closed, and the memory stays.)
# - A slice **of a column** keeps the column, and not the file.
# - A **flyweight** looks into the file too, but the feed knows it, and takes it back when it
#   closes.

# %% [markdown]
# ## 5 · One question, five ways
#
# What did people on average want to pay or get for a share of each security? Each order counts as
# often as it has shares: the sum of price times shares, divided by the sum of shares. First as
# Python would ask it, order by order:

# %%
from zcviz.codec import record_of, view_of
from zcviz.lessons.material import repeated

large = repeated(feed)  # the same messages many times over, in memory
view, data = large.source.view, large.data
decode, flyweight = record_of(order), view_of(order)()


def add_up(messages):
    sums = {}
    for each in messages:
        money, shares = sums.get(each.stock_locate, (0, 0))
        sums[each.stock_locate] = money + each.price * each.shares, shares + each.shares
    return sums


# %% [markdown]
# Records and flyweights both go through this loop. (`stock_locate` is the number of the security.)
# Columns do without a loop, three of them are enough:

# %%
from zcviz.lessons.queries import answer_of


def columns_of(places):
    names = ("stock_locate", "price", "shares")
    return {name: gather(data, places, order, name) for name in names}


def ask_columns(columns):
    locate, shares = columns["stock_locate"], columns["shares"].astype(np.uint64)
    sums = np.zeros((2, int(locate.max()) + 1), np.uint64)
    np.add.at(sums[0], locate, columns["price"] * shares)
    np.add.at(sums[1], locate, shares)
    seen = np.flatnonzero(sums[1])
    return answer_of(seen, *sums[:, seen])


# %%
ways = {
    "records": lambda places: add_up(decode(view, at) for at in places.tolist()),
    "flyweight": lambda places: add_up(flyweight.wrap(view, at) for at in places.tolist()),
    "columns": lambda places: ask_columns(columns_of(places)),
}

# %% [markdown]
# Arrow and duckdb take the same three columns. What they do with them they do by themselves, here
# with one thread each.

# %%
from zcviz.lessons.queries import optional

if pyarrow := optional("pyarrow"):
    import pyarrow.compute as pc

    def ask_arrow(table):
        money = pc.multiply(*(table[name].cast("uint64") for name in ("price", "shares")))
        groups = table.append_column("money", money).group_by("stock_locate", use_threads=False)
        sums = groups.aggregate([("money", "sum"), ("shares", "sum")])
        return answer_of(*(sums[name] for name in ("stock_locate", "money_sum", "shares_sum")))

    ways["Arrow"] = lambda places: ask_arrow(pyarrow.table(columns_of(places)))

# %%
duckdb = optional("duckdb") if pyarrow else None
if duckdb:
    database = duckdb.connect(config={"threads": 1})

    def ask_duckdb(orders):
        found = database.sql("""
            SELECT stock_locate, sum(price::ubigint * shares), sum(shares)
            FROM orders GROUP BY stock_locate""")
        return answer_of(*zip(*found.fetchall(), strict=True))

    ways["duckdb"] = lambda places: ask_duckdb(pyarrow.table(columns_of(places)))

# %% [markdown]
# No time is worth anything before all answers are equal, to the last share:

# %%
from zcviz.lessons.queries import same_answer

many = large.index.of_type(ord("A"))
sums = same_answer(ways, many[:20_000])


def average(locate):
    money, shares = sums[locate]
    return figure(money / shares / 10_000, "USD", f"{feed.symbols.get(locate, locate)}, on average")


busiest = sorted(sums, key=lambda locate: sums[locate][1])[:-4:-1]
told = f"{', '.join(ways)}: the same sums for all {len(sums):,} securities."
figures(*map(average, busiest), sentence=told)

# %%
way_guess = predict("Which way is the cheapest for a hundred orders, all told?", choices=list(ways))
way_guess

# %%
from zcviz.lessons.queries import cost_by_messages

query_costs = cost_by_messages(ways, many)
query_costs

# %%
of_hundred = {name: ns[100] for name, ns in query_costs.ns.items()}
way_guess.reveal(
    min(of_hundred, key=of_hundred.get),
    " · ".join(f"{name} {ns:,.0f} ns" for name, ns in of_hundred.items()),
)

# %% [markdown]
# Records and flyweights cost the same for each message, however many there are. The others take an
# entry fee: some calls for columns, more for Arrow, and for a database a whole query to be parsed,
# planned and run. The more messages share the fee, the less it matters. (Where a line ends early,
# its cost was known by then.)
#
# Often it is not one question but many. Then the columns are there already:

# %%
places = many[:100_000]
columns = columns_of(places)
again = {"columns": lambda: ask_columns(columns)}
if pyarrow:
    table = pyarrow.table(columns)
    again["Arrow"] = lambda: ask_arrow(table)
if duckdb:
    again["duckdb"] = lambda: ask_duckdb(table)
again = {"gather, once": lambda: columns_of(places), **again}
further = pace(again, len(places))
bars(
    [Bar(name, ns, "copying" if "once" in name else "") for name, ns in further.items()],
    "ns",
    title=f"Every further question, time per order ({len(places):,} orders)",
)

# %% [markdown]
# ### Who copies?
#
# On the way from the file to Arrow, pandas and duckdb, an array is handed over several times.
# Addresses tell who copied.

# %%
from zcviz.lessons.queries import handovers

adds = feed.table("A")
steps = [("file", "column", feed.data, adds["price"])]
steps += [("column", "pandas", adds["price"], adds.to_pandas()["price"])]
if pyarrow:
    arrow = adds.to_arrow()
    (buffer,) = arrow["price"].chunk(0).buffers()[1:]
    steps += [("column", "Arrow", adds["price"], buffer)]
    steps += [("Arrow", "numpy", buffer, arrow["price"].chunk(0).to_numpy())]
if duckdb:
    result = database.sql("SELECT price FROM arrow").fetchnumpy()["price"]
    steps += [("Arrow", "duckdb's result", buffer, result)]
handovers(steps)

# %% [markdown]
# From the file to the column is a copy: other distance, other byte order. From there on numbers
# are handed over by address. Two things are not: **text**, which pandas and Arrow keep in a form of
# their own; and what a database **returns**. What duckdb does with the buffers inside cannot be
# seen from here.
#
# So "zero-copy from the file to the database" would be wrong, and "zero-copy from the column to
# Arrow" is right. Whoever says the word should name both ends.

# %% [markdown]
# ## 6 · The limit of the machine
#
# How much faster could it be? There is a limit: whoever wants to see every byte has to fetch it
# from memory at least once. So let us add up all bytes, as fast as the processor can, and compare
# every step with that.

# %%
limit_guess = predict(
    "How many times as long as reading every byte does it take to find all messages, that is, to "
    "make the index?",
    choices=[1, 2, 5, 10, 50, 100],
    unit="×",
)
limit_guess

# %% [markdown]
# 1. Press **Start**. Each step is measured over and over; a dot is one measurement, the marker the
#    least of them.
# 2. Mind the scale: it is logarithmic. Lines of equal length are equal factors.
# 3. Which step comes nearest to the limit? Which one could not be faster without reading less?
# 4. Press **Stop** (it stops by itself after a minute).

# %%
from zcviz.lessons.limit_panel import limit_panel

panel = limit_panel(large)  # a step of your own: limit_panel(large, {"mine": lambda feed: ...})
panel

# %%
found = panel.run.least() or panel.run.once()
limit_guess.reveal(
    found["index"] / found["read every byte"],
    f"A record takes {found['records'] / found['read every byte']:,.0f} times as long as reading "
    "its bytes. That is what objects cost, and nothing in the messages asks for it.",
    kind="zero-copy",
)

# %% [markdown]
# - **Nothing that needs every line of memory gets past the limit.** (If it seems to, another
#   program was at work while the limit was measured.) The index comes near it: it looks at little
#   of each message, and writes a few bytes.
# - **One column can get past it**, where it needs fewer lines. The panel says how many.
# - **Whoever wants all values has to write them**, about as many bytes as a copy does. Rows and
#   columns of all fields *are* copies, in another order. To be faster still, decode less.
# - **Records are far to the right.** No faster memory would help them.
#
# What counts as the limit depends on where the bytes are: these are in memory. From a disk or a
# network they come more slowly, and the line is further to the right.

# %% [markdown]
# ## 7 · When to copy
#
# | you want to | then | because |
# |---|---|---|
# | know how many, how long, of which type | ask the index | it is small, and no message is read |
# | look at a field once | read it in place, or gather it | either goes through the lines once |
# | ask a field more than twice | gather a column | it lies together, in your byte order |
# | ask a few messages | take records or flyweights | there is no entry fee |
# | join, group, sort millions | hand columns to Arrow or duckdb | numbers go by address |
# | keep a little for long | copy it | a view keeps all that it was cut from |

# %% [markdown]
# ## What you saw
#
# - An index says where messages are, in a few bytes each, and copies none of them.
# - One field of many messages has no stride in a feed. Gathering it is a copy, and it pays from
#   the second or third question on.
# - The distance between values costs more than their byte order: memory comes in lines. You
#   measured both.
# - Eight bytes can pin a day, or keep a file from being closed.
# - Columns, Arrow and pandas share the same numbers; a database takes a fee, and returns copies.
# - The compiled steps are within sight of the limit of the machine. Python objects are not.

# %% [markdown]
# ## Two exercises
#
# The check runs your function and looks at what it does to memory. There are hints.

# %%
in_place = exercise("shares_in_place", FILE)
in_place


# %%
def shares_in_place(rows):
    # your code
    return None


in_place.check(shares_in_place)

# %%
top_prices = exercise("dearest", FILE)
top_prices


# %%
def dearest(feed, n):
    # your code
    return None


top_prices.check(dearest)

# %% [markdown]
# ## Where to go next
#
# - **Another field, another question:** put another name for `"price"` into section 2, another
#   function for `ask` into section 3.
# - **A step of your own** in the panel of section 6: a function that takes the feed and goes
#   through all its messages. How near do you get?
# - **Your own file**: change the first line. All of this works on the columns of any feed that
#   zcviz reads; this page asks about Add Orders of ITCH.
# - **Before this page**: [Start here](00_start_here.ipynb) ·
#   [Two pipelines, step by step](01_two_pipelines.ipynb)
#
# ```python
# import duckdb, zcviz
#
# with zcviz.open("day.pcap") as feed:
#     orders = feed.table("A")
#     print(duckdb.sql("SELECT stock, avg(price) / 10000 FROM orders GROUP BY stock"))
# ```
