# %% [markdown]
# # Where copies hide
#
# Nobody writes *copy* into a program by accident. And yet most copies are accidents: a slice of the
# wrong type, a list in the brackets, a table handed to another library. They look like the views
# next to them. On this page you learn to tell them apart before you run them.
#
# - **You will do:** say of many expressions whether they copy, before they run on your machine;
#   keep a score card; measure when a copy is the better choice.
# - **You will learn:** the rule by which numpy decides; what pandas, Arrow and polars hand over,
#   and what they rebuild; where arrays are made only to be dropped.
# - **You need:** the ideas of [Start here](00_start_here.ipynb) (copy, view), and about thirty
#   minutes. The other lessons come before this page, but you can do without.
#
# Make each prediction before you run the next cell. What an output calls a view or a copy is
# written down nowhere: it comes from addresses, while you read.

# %%
FILE = "../data/feed.pcap"  # for an ITCH file of your own, change this line and nothing else

import struct

import numpy as np
import pandas as pd

import zcviz
from zcviz.codec import dtype_of
from zcviz.lessons import exercise, figure, figures, predict
from zcviz.lessons.material import needs, rows_of

feed = zcviz.open(FILE)
needs(feed, "A")  # Add Orders: this page is about them
feed

# %% [markdown]
# All Add Orders of the file, one after another and nothing between: let us say that this is what
# came from the network. Python can keep it in three ways:

# %%
received = rows_of(feed, "A").tobytes()  # bytes: cannot be changed
buffer = bytearray(received)  # the same, and can be changed
window = memoryview(buffer)  # a view of the buffer
size = feed.protocol["A"].size
figures(
    figure(len(received), "B", "received"),
    figure(size, "B", "an order"),
    figure(len(received) // size, "", "orders"),
)

# %% [markdown]
# ## 1 · Ask the addresses
#
# Memory has addresses. If a result lies at addresses of what it was made from, it is a view. If
# not, it is fresh memory, and what stands there has been copied or computed. No manual has to be
# asked. zcviz looks, and adds the reason where it knows one:

# %%
# %load_ext zcviz

# %% [markdown]
# Skip the first order. Here it is done twice, and it looks the same:

# %%
slice_guess = predict(
    "One of the two copies. Which?",
    choices=["received[36:]", "window[36:]"],
)
slice_guess

# %%
# %zccopy received[36:]

# %%
# %zccopy window[36:]

# %%
shared = {
    "received[36:]": zcviz.overlap(received[36:], received),
    "window[36:]": zcviz.overlap(window[36:], window),
}
slice_guess.reveal(
    min(shared, key=shared.get),
    "bytes own what they hold, so a part of them has to own its part. A memoryview owns nothing, "
    "and a part of it owns nothing either.",
)

# %% [markdown]
# Two of your tools are here already: `%zccopy EXPRESSION` runs an expression once and says of each
# step what it made. `zcviz.overlap(a, b)` counts the bytes that two objects have in common;
# `zcviz.shares_memory(a, b)` says whether there are any.
#
# A chain of views copies nothing, until the first step that does. Find it:

# %%
# %zccopy window[36:][:36].cast("H").tobytes()

# %% [markdown]
# And values that are *read out* are copies too, small ones: each becomes a Python object. Here are
# shares and price of the first order. (`what_copied` is `%zccopy` for a call: a function, and what
# you give it.)

# %%
zcviz.what_copied(struct.unpack_from, ">I8xI", window, 20)

# %% [markdown]
# ## 2 · What numpy makes of what you received
#
# `np.frombuffer` takes the bytes as they are, and needs to be told what they mean. `dtype_of` says
# it of a whole order: ten fields, with their places and their byte order.

# %%
orders = np.frombuffer(received, dtype_of(feed.protocol["A"]))
wire = orders["price"]
zcviz.provenance(wire, globals())  # globals(): then it knows what you call things

# %% [markdown]
# From the prices back to the bytes, and no copy on the way. (It is read-only, as bytes are.) `wire`
# is an array like any other, only that its values are 36 bytes apart and have their high byte
# first.
#
# Where you cut matters. The same bytes, cut before and after numpy has taken over:

# %%
cut_guess = predict(
    "np.frombuffer(buffer[36:72], 'u1') shows one order, and so does "
    "np.frombuffer(buffer, 'u1')[36:72]. How many bytes does the first one copy?",
    unit="bytes",
)
cut_guess

# %%
first, second = np.frombuffer(buffer[36:72], "u1"), np.frombuffer(buffer, "u1")[36:72]
copied = [each.nbytes - zcviz.overlap(each, buffer) for each in (first, second)]
cut_guess.reveal(
    copied[0],
    "frombuffer borrows what it is given. But here the slice was taken first, and a slice of a "
    f"bytearray is a copy. The second way copies {copied[1]} bytes.",
    kind="copying",
)

# %% [markdown]
# ## 3 · The rule of numpy
#
# An array says four things of its memory: where it begins, what a value is, the shape, and for each
# axis the **stride**, the way from one value to the next. That is all it can say. So
#
# > **what can be described by a beginning, a shape and strides can be a view; what can not, is a
# > copy.**
#
# Every third price has a stride. The prices number 0, 1 and 5 have none. Try the rule:

# %%
prices = wire.astype("u4")  # a column of its own: one after another, native order
prices[::3].strides, prices[::-1].strides

# %%
list_guess = predict(
    "prices[[0, 1, 2]] takes three prices that lie next to each other. A view or a copy?",
    choices=["view", "copy"],
)
list_guess

# %%
listed = prices[[0, 1, 2]]
list_guess.reveal(
    "view" if zcviz.shares_memory(listed, prices) else "copy",
    "numpy looks at the kind of index and not at what is in it: a list may hold anything, so it is "
    "always gathered. prices[0:3] shows the same three.",
)

# %% [markdown]
# Shapes are only another way to walk through the memory, as long as one stride an axis is enough:

# %%
pairs = prices[: len(prices) // 2 * 2].reshape(-1, 2)
shapes = {"pairs": pairs, "pairs.T": pairs.T, "pairs.T[::-1]": pairs.T[::-1]}
{name: (each.shape, each.strides) for name, each in shapes.items()}

# %%
ravel_guess = predict(
    "ravel() makes one row of an array. One of the two has to be copied for that. Which?",
    choices=["pairs.ravel()", "pairs.T.ravel()"],
)
ravel_guess

# %%
shared = {
    "pairs.ravel()": zcviz.overlap(pairs.ravel(), prices),
    "pairs.T.ravel()": zcviz.overlap(pairs.T.ravel(), prices),
}
ravel_guess.reveal(
    min(shared, key=shared.get),
    "Transposed, the way goes 0, 2, 4 … to the end, and then back to 1, 3, 5. No single stride "
    "does that.",
)

# %% [markdown]
# `ravel`, `reshape`, `ascontiguousarray` and `asarray` copy **only if they must**. That is handy,
# and it is how copies hide: the same line is a view today and a copy tomorrow, when another array
# comes along.
#
# ### Types and byte order
#
# To *read* the same bytes in another way is no copy: that is `view`. `astype` gives values of
# another type or byte order, and these have to be written. Can `copy=False` forbid it?

# %%
type_guess = predict(
    "prices have the byte order of your processor, wire has that of the network. Which of the two "
    "is copied, in spite of copy=False?",
    choices=["prices.astype('u4', copy=False)", "wire.astype('u4', copy=False)", "neither"],
)
type_guess

# %%
# %zccopy wire.astype("u4", copy=False)

# %%
# %zccopy prices.astype("u4", copy=False)

# %%
shared = {
    "prices.astype('u4', copy=False)": zcviz.overlap(prices.astype("u4", copy=False), prices),
    "wire.astype('u4', copy=False)": zcviz.overlap(wire.astype("u4", copy=False), wire),
}
type_guess.reveal(
    next((name for name, nbytes in shared.items() if not nbytes), "neither"),
    "Here, copy=False is a wish: do not copy if nothing has to change. In np.asarray(wire, "
    "dtype='u4', copy=False) it is an order, and an error says that it cannot be obeyed.",
)

# %% [markdown]
# One more. `byteswap` turns the bytes of each value round, and `view` reads them the other way
# round. The numbers are those of before. Is anything copied?

# %%
# %zccopy prices.byteswap().view(">u4")

# %% [markdown]
# Read the steps: the view is a view of something that was written for it. The numbers are those of
# before, and all of them were copied.

# %% [markdown]
# ## 4 · pandas
#
# A DataFrame is made of arrays. Does it take those that it gets?

# %%
columns = {"price": prices, "shares": orders["shares"].astype("u4")}
frame_guess = predict(
    f"columns are two arrays, {sum(each.nbytes for each in columns.values()):,} bytes together. "
    "How many of them does pd.DataFrame(columns) copy?",
    unit="bytes",
)
frame_guess

# %%
frame = pd.DataFrame(columns)
frame_guess.reveal(
    sum(each.nbytes for each in columns.values()) - zcviz.overlap(frame, columns),
    "By default, pandas takes no chances: whoever has the arrays could write to them, and the "
    "table would change. Where that cannot happen, pd.DataFrame(columns, copy=False) says so.",
    kind="copying",
)

# %% [markdown]
# With arrays of its own, pandas is careful in another way. It hands out views, as many as you like,
# and copies when somebody **writes**. That is called *copy-on-write*, and it is the rule since
# pandas 3. (With pandas 2, some of what follows comes out otherwise.)

# %%
write_guess = predict(
    f"part = frame['price'] is a column of {frame['price'].nbytes:,} bytes. You write one price of "
    "4 bytes to it. How many bytes does that copy?",
    unit="bytes",
)
write_guess

# %%
part = frame["price"]
before = zcviz.overlap(part, frame)
part.iloc[0] = 1
after = zcviz.overlap(part, frame)
write_guess.reveal(
    before - after,
    f"Before, part and table had {before:,} bytes in common, and now {after:,}. The first price is "
    f"now {part.iloc[0]:,} in part, and {frame['price'].iloc[0]:,} in the table.",
    kind="copying",
)

# %% [markdown]
# So in pandas the copy hides in a line that does not look like one: the first assignment.
#
# Rows are a matter of numpy's rule again. Say of each of the next two what it is, before you run
# it:

# %%
# %zccopy frame.iloc[::2]

# %%
dear = prices.mean()
# %zccopy frame[frame["price"] > dear]

# %% [markdown]
# A slice of rows has a stride, a mask has none.
#
# Out of pandas: a column is an array, and is handed out, read-only because of copy-on-write. A
# whole table is one array only if all columns are of one type. These two?

# %%
# %zccopy frame["price"].to_numpy()

# %%
mixed = frame.assign(dollars=frame["price"] / 10_000)
# %zccopy mixed.to_numpy()

# %% [markdown]
# And two tables in one: pandas keeps no table in pieces.

# %%
# %zccopy pd.concat([frame, frame])

# %% [markdown]
# ## 5 · Handed to Arrow, handed to polars
#
# Arrow keeps numbers as numpy can keep them: one after another, in the byte order of the
# processor. polars keeps them as Arrow does. So addresses can be handed over. The next cells do
# without what is not installed.

# %%
from zcviz.lessons.queries import handovers, optional

pa, pl = optional("pyarrow"), optional("polars")
steps = [("numpy", "pandas", prices, pd.Series(prices))]
steps += [("numpy", "pandas, copy=False", prices, pd.Series(prices, copy=False))]
if pa:
    arrow = pa.table(columns)
    steps += [("numpy", "Arrow", columns["price"], arrow["price"])]
    steps += [("Arrow", "numpy", arrow["price"], arrow["price"].to_numpy())]
    steps += [("Arrow", "pandas", arrow, arrow.to_pandas())]
    steps += [("Arrow", "pandas, split_blocks", arrow, arrow.to_pandas(split_blocks=True))]
if pa and pl:
    series = pl.from_arrow(arrow)["price"]
    steps += [("Arrow", "polars", arrow["price"], series)]
    steps += [("polars", "numpy", series, series.to_numpy())]

# %%
hand_guess = predict(
    f"{len(steps)} hand-overs: {'; '.join(f'{start} → {end}' for start, end, *_ in steps)}. "
    "How many of them copy?",
    unit="of them",
)
hand_guess

# %%
hand_guess.reveal(
    sum(zcviz.overlap(given, got) == 0 for _, _, given, got in steps),
    "The table below tells which. Where pandas copies, it can be asked not to: by default it puts "
    "all columns of one type into one block.",
)

# %%
handovers(steps)

# %% [markdown]
# What Arrow cannot say, has to be copied for it. A buffer of Arrow has no strides:

# %%
zcviz.what_copied(pa.array, prices[::2]) if pa else "pyarrow is not installed here"

# %% [markdown]
# (The few bytes under *allocated* are Python's. Arrow takes memory from a pool of its own, which is
# not counted here. The addresses tell all the same.)
#
# And Arrow has something that numpy has not: a column may lie in several pieces, *chunks*. Then two
# tables are put together without a copy, and the copy comes later, when somebody wants one array:

# %%
if pa:
    both = pa.concat_tables([arrow, arrow])
    one = both["price"].to_numpy()
    shown = figures(
        figure(both["price"].num_chunks, "chunks", "in the column"),
        figure(zcviz.overlap(both, arrow), "B", "of the first table are shared", kind="zero-copy"),
        figure(one.nbytes - zcviz.overlap(one, both), "B", "copied by to_numpy", kind="copying"),
    )
shown if pa else "pyarrow is not installed here"

# %% [markdown]
# ## 6 · Made to be dropped
#
# The copies that hide best are those of which nothing is left: arrays between one step and the
# next. Here are the prices of the wire in dollars, step by step and at once.

# %%
on_the_way = predict(
    f"The result has {8 * len(wire):,} bytes. How many bytes are allocated for "
    "wire.astype('u4').astype('f8') / 10_000?",
    unit="bytes",
)
on_the_way

# %%
# %%zccompare -o dollars
# --- step by step
wire.astype("u4").astype("f8") / 10_000
# --- at once
wire / 10_000

# %%
long, short = dollars.rows
on_the_way.reveal(
    long.allocated or long.peak,  # without numba, only the peak is known
    f"At once, it is {short.allocated or short.peak:,}. numpy's operators read other byte orders "
    "and types as well, and convert them piece by piece.",
    kind="copying",
)

# %% [markdown]
# `%%zccompare` runs several ways to do the same. If their values differ, nothing is timed. If they
# agree, it says what each takes, in time and in memory.

# %% [markdown]
# ## 7 · The score card
#
# Now you. Say of each expression whether its result is a **view** or a **copy** (fresh memory, that
# is, whatever is in it). Then it is run, here, with the names of this page, and you are told what
# the addresses say, and why. Some are hard. Stop when you like: the card remembers.
#
# Press the buttons, or the keys <kbd>V</kbd> and <kbd>C</kbd> once a button of the card has the
# focus, and <kbd>N</kbd> for the next one.

# %%
from zcviz.lessons.score_card import score_card

card = score_card(globals())  # expressions of your own: score_card(globals(), {"mine": ["…"]})
card

# %% [markdown]
# If you see no buttons: `card.say("view")` or `card.say("copy")`, in a cell, answers the case that
# is asked, and tells which one comes next. This is your score so far; run it again when you like.

# %%
card.result()

# %% [markdown]
# ## 8 · When a copy is the right choice
#
# By now you can avoid most copies. Should you? Three times the answer is no.
#
# ### Because of distance: locality
#
# A view of one field copies nothing. But its values are as far apart as whole orders are, and
# memory comes in lines, of 64 bytes on most machines: to read 4 bytes, a whole line is fetched. Say
# that you ask twenty questions of the same field. (The orders are repeated until they are 32 MiB.)

# %%
day = np.tile(orders, 1 + (32 << 20) // orders.nbytes)
field = day["price"]
distance_guess = predict(
    "Twenty sums: of the view, or of a copy that has to be made first. How many times as long does "
    "the view take?",
    choices=[0.5, 1, 2, 5, 10, 20],
    unit="×",
)
distance_guess

# %%
# %%zccompare -o twenty --rounds 3
# --- view
sum(int(field.sum()) for _ in range(20))
# --- copy first
column = field.astype("u4")
sum(int(column.sum()) for _ in range(20))

# %%
in_place, gathered = twenty.rows
distance_guess.reveal(
    in_place.seconds / gathered.seconds,
    "The time of the copy includes making it. Making it brings the values together, and into the "
    "byte order of your processor.",
)

# %% [markdown]
# And for one question? Change both `range(20)` to `range(1)` and run the cell again.
#
# ### Because of time: lifetime
#
# A view shows what is there **now**. And a program that receives data mostly uses one buffer for
# all packets. Here two orders come, one after the other:

# %%
import socket

packet = bytearray(size)
sender, receiver = socket.socketpair()
with sender, receiver:
    sender.sendall(received[:size])
    receiver.recv_into(packet)
    looked = np.frombuffer(packet, orders.dtype)["order_reference_number"]
    kept = looked.copy()
    first_number = int(kept[0])
    sender.sendall(received[-size:])
    receiver.recv_into(packet)

# %%
time_guess = predict(
    "A view and a copy of the order number were taken from the first packet. Which of them has "
    "that number still?",
    choices=["the view", "the copy", "both"],
)
time_guess

# %%
still = {"the view": looked[0] == first_number, "the copy": kept[0] == first_number}
time_guess.reveal(
    "both" if all(still.values()) else max(still, key=still.get),
    "The view is not wrong: it shows the packet that came last.",
)

# %%
figures(
    figure(str(first_number), "", "was the number of the first order"),
    figure(str(kept[0]), "", "says the copy now", kind="copying"),
    figure(str(looked[0]), "", "says the view now", kind="zero-copy"),
)

# %% [markdown]
# Copy before the next one comes, or give each packet a buffer of its own. (A bytearray protects
# itself in one respect: as long as a view of it exists, it cannot grow, for then it might have to
# move.)

# %%
try:
    packet.extend(b"more")
    print("it grew")
except BufferError as error:
    print(f"BufferError: {error}")

# %% [markdown]
# ### Because of what it keeps: pinning
#
# A view keeps its owner: all of it. Here is a large buffer, of which eight bytes are wanted.


# %%
def eight_bytes(copied):
    large = np.ones(32 << 20, np.uint8)
    return large[:8].copy() if copied else large[:8]


keep_guess = predict("How many bytes stay in memory for a view of eight bytes?", unit="bytes")
keep_guess

# %%
with zcviz.allocations() as viewed:
    small_view = eight_bytes(copied=False)
with zcviz.allocations() as owned:
    small_copy = eight_bytes(copied=True)
keep_guess.reveal(
    viewed.net,
    f"For the copy, {owned.net:,} bytes stay, the array object included: "
    f"{viewed.net / owned.net:,.0f} times less.",
    kind="zero-copy",
)

# %%
zcviz.provenance(small_view, globals())

# %% [markdown]
# ## 9 · Where to look
#
# | you write | a copy hides if | without |
# |---|---|---|
# | `data[a:b]` | `data` is bytes or a bytearray | `memoryview(data)[a:b]` |
# | `array[index]` | `index` is a list or a mask | a slice, where one will do |
# | `ravel`, `reshape` | no strides fit the new shape | another order of the axes |
# | `astype`, `byteswap` | always, or if something changes | `view`, or leave it to the operator |
# | `DataFrame(arrays)` | always | `copy=False`, and do not write |
# | `part.iloc[0] = x` | somebody else sees the same memory | – |
# | `frame.to_numpy()` | the columns have several types | column by column |
# | `concat` | always; in Arrow later | keep the pieces |
# | `to_pandas()` | several columns become one block | `split_blocks=True` |
# | `a.b().c()` | each step makes an array | one step that does it all |
#
# The table is a memory aid, and may be out of date one day. `%zccopy` is not.

# %% [markdown]
# ## What you saw
#
# - Addresses tell views from copies. Names of functions do not: the same line can be either.
# - What a beginning, a shape and strides describe can be a view. The rest is gathered.
# - pandas copies when it takes arrays in, and when you write. In between it hands out views.
# - Arrow, polars and numpy hand over addresses, as long as values lie together in native order.
# - Arrays between two steps cost memory, and nothing of them is left to see.
# - A copy can be the better choice: to have values together, to keep them from changing, or to let
#   go of the rest.

# %% [markdown]
# ## Four exercises
#
# The check runs your function and looks at what it does to memory. There are hints.

# %%
second_task = exercise("every_second", FILE)
second_task


# %%
def every_second(received):
    # your code
    return None


second_task.check(every_second)

# %%
frame_task = exercise("to_frame", FILE)
frame_task


# %%
def to_frame(columns):
    # your code
    return None


frame_task.check(to_frame)

# %%
free_task = exercise("first_and_last", FILE)
free_task


# %%
def first_and_last(day):
    # your code
    return None


free_task.check(first_and_last)

# %%
dollar_task = exercise("in_dollars", FILE)
dollar_task


# %%
def in_dollars(wire):
    # your code
    return None


dollar_task.check(in_dollars)

# %% [markdown]
# ## Where to go next
#
# - **The misses**: *Ask the missed ones again* on the card, or `card.again()`.
# - **Your own code**: load the magics with `%load_ext zcviz` in any notebook, and put `%zccopy`
#   before an expression of yours. `zcviz.what_copied(function, …)` does the same for a call, and
#   `zcviz.ledger_of([first, second, …], data)` for functions in a row.
# - **After this page**: [Measuring honestly](04_measuring_honestly.ipynb). Some figures above were
#   times; it shows how they go wrong.
# - **Before this page**: [Start here](00_start_here.ipynb) ·
#   [Two pipelines, step by step](01_two_pipelines.ipynb) ·
#   [From bytes to index to columns](02_columns_and_indexes.ipynb)
#
# ```python
# import zcviz
#
# with zcviz.open("day.pcap") as feed:
#     print(zcviz.what_copied(feed.table("A").to_pandas))
# ```
