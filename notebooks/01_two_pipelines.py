# %% [markdown]
# # Two pipelines, step by step
#
# A pipeline gets from the bytes of a file to an answer. Here you send **one packet** through four
# of them, stage by stage. After each stage you see all memory that exists because of that packet:
# every copy, every view, with its real address and drawn to scale.
#
# - **You will do:** follow one message through four pipelines, predict what each stage costs,
#   measure it.
# - **You will learn:** why looking instead of copying is not enough; what is enough; who owns the
#   bytes you look at, and what that means for you.
# - **You need:** the ideas of [Start here](00_start_here.ipynb) (copy, view, index), and about
#   twenty minutes.
#
# Make each prediction before you run the next cell. Nothing on this page is drawn from a script:
# pictures and figures come from the objects that your Python makes while you read.

# %%
FILE = "../data/feed.pcap"  # for a file of your own, change this line and nothing else

import zcviz
from zcviz.lessons import beside, exercise, figure, figures, predict
from zcviz.lessons.stages import choose_message, send, side_by_side

feed = zcviz.open(FILE)
feed

# %% [markdown]
# The first thing is a packet that is easy to look at: from the middle of the feed, with a few
# messages in it, one of them a new order. That one is *your message*.

# %%
message = choose_message(feed)
copying = send(feed, "copying", message)
copying.before

# %% [markdown]
# The strip is memory, as long as it has bytes. This one is a piece of the file, mapped into memory:
# headers first, then the messages, each with its length before it. The edges are torn, because the
# file goes on to both sides. On the right of it stands where it begins: its address.
#
# ## 1 · Copying
#
# This is how most programs read a capture. Cut the frame out of the file. Cut the payload out of
# the frame. Cut each message out of that. Decode it. Every cut is a slice of `bytes`.

# %%
packet_size = len(copying.results[0].output)
bytes_guess = predict(
    f"What is cut out of the file first has {packet_size:,} bytes. "
    "How many bytes will have been copied when its messages are decoded?",
    unit="bytes",
)
bytes_guess

# %%
copying.after("packet")

# %% [markdown]
# Orange and hatched is memory that was copied into. The band shows from where.
#
# The new strip has an address of its own, far from that of the file. From here on nobody needs the
# file for these bytes; and they exist twice.

# %%
copying.after("datagram")

# %% [markdown]
# The headers are off. To get rid of them, everything else was copied.

# %%
copying.after("message")

# %% [markdown]
# Now each message is an object. Your program can keep one and forget the others: that is what
# these copies are good for.

# %%
copying.after("record")

# %% [markdown]
# The last copy is another kind. The bytes of the wire became Python's integers and texts, and each
# of them is an object with a head of its own. Compare the bytes on the wire with the bytes that
# the row says the objects take.

# %%
copied = copying.after("record").copied
bytes_guess.reveal(
    copied,
    f"That is {copied / packet_size:.1f} times what was cut out of the file. "
    "Every stage copies all that is left, whether anybody will look at it or not.",
    kind="copying",
)

# %%
copying.after("summary")

# %% [markdown]
# The sums are what the pipeline is for. Everything above them was made, used once and dropped;
# the next packet makes all of it again.

# %% [markdown]
# ## 2 · The same cuts, as views
#
# A slice of a `memoryview` copies nothing: it is a window into memory that somebody else owns. So
# take the very same pipeline and give it a memoryview of the file. Each cut is now a view. The
# rest is unchanged, to the last line.

# %%
slicing = send(feed, "slicing", message)
slicing.after("message")

# %% [markdown]
# Blue and solid is a view. It has no strip, because it has no memory of its own: only a place on
# the strip of the owner. The cuts of this pipeline copied nothing at all.

# %%
slicing_guess = predict(
    "How fast is this pipeline, if copying is 1?", choices=[0.5, 1, 1.5, 2, 3, 5], unit="×"
)
slicing_guess

# %%
some = zcviz.compare(feed, ("copying", "slicing"), messages=10_000, rounds=15)
pace = some.total("copying").ns / some.total("slicing").ns
slicing_guess.reveal(pace, "The copies are gone, and next to nothing is gained. Why?")

# %%
import sys

start, stop = copying.bounds(message)
as_view = feed.source.view[start:stop]
as_bytes = bytes(as_view)
figures(
    figure(len(as_bytes), "B", "your message on the wire"),
    figure(sys.getsizeof(as_bytes), "B", "the bytes object that holds a copy", kind="copying"),
    figure(sys.getsizeof(as_view), "B", "the memoryview that holds none", kind="zero-copy"),
    sentence="For small messages, the object that looks is larger than the copy.",
)

# %% [markdown]
# A view is a Python object too. It has to be allocated, filled in, counted and freed, and that is
# most of what a copy of so few bytes costs as well. Swapping copies for views exchanges one object
# for another. How large must a slice be for a view to pay?

# %%
from timeit import timeit

owner = bytes(200_000)
window = memoryview(owner)
print("slice of        as bytes   as a view   [ns]")
for size in (36, 1_000, 10_000, 100_000):
    copied = timeit(lambda size=size: owner[1 : size + 1], number=5_000) / 5_000
    viewed = timeit(lambda size=size: window[1 : size + 1], number=5_000) / 5_000
    print(f"{size:>8,} B  {copied * 1e9:>9,.0f}   {viewed * 1e9:>9,.0f}")

# %% [markdown]
# The view costs the same for any size, the copy does not. For a large payload the view wins by far.
# Messages of a market are small. For them, **views alone do not pay.**
#
# So the question is not how to copy less. It is how to make fewer objects.

# %% [markdown]
# ## 3 · Flyweight: one view that moves
#
# Why make a view for every message, if you look at one after the other? One object a message
# *type* is enough, if it can be aimed: it holds the memory and an offset, and reads a field when
# you ask for it. Such an object is called a flyweight.

# %%
flyweight = send(feed, "flyweight", message)
flyweight.after("datagram")

# %%
flyweight.after("message")

# %% [markdown]
# Each message is only a place now: where it starts and where it ends. These places are numbers in
# Python lists, derived from the feed, and no byte of it.
#
# Here is the flyweight itself. Aimed at your message, it is a view of just that:

# %%
aim = flyweight.results[flyweight.stages.index("message")].output
mine = aim[message - flyweight.packet.start]
zcviz.memory_picture(
    zero_copy=[("flyweight", mine)], source=feed.source, segments=flyweight.segments
)

# %% [markdown]
# Adding up moves it from message to message. The values that it reads on the way become Python
# integers, and are gone as soon as they are added:

# %%
flyweight.after("summary")

# %%
flyweight_guess = predict(
    "How fast is flyweight, if copying is 1?", choices=[0.5, 1, 1.5, 2, 3, 5], unit="×"
)
flyweight_guess

# %%
some = zcviz.compare(feed, ("copying", "flyweight"), messages=10_000, rounds=15)
pace = some.total("copying").ns / some.total("flyweight").ns
flyweight_guess.reveal(
    pace,
    "It makes no object for a message. But each field that is read becomes a Python integer, and "
    "reading it is a call. The more fields you read, the less is left of the gain.",
)

# %%
some

# %% [markdown]
# The work has moved: flyweight has no stage `record`, and pays in `summary`, where the fields are
# read.
#
# ### How many fields?
#
# A record decodes all fields in one call. A flyweight makes one call for each field you read. So
# there is a number of fields from which on the record is cheaper. Try to guess it.

# %%
fields_guess = predict("From how many fields on is the record the cheaper way?", unit="fields")
fields_guess

# %%
from zcviz.codec import record_of, view_of

table = copying.table  # your message's type; another one: feed.protocol["U"]
places = feed.index.offsets[feed.index.tags == table.tag[0]][:5_000].tolist()
data, decode, view = feed.source.view, record_of(table), view_of(table)()


def with_records(read):
    for at in places:
        read(decode(data, at))


def with_flyweight(read):
    for at in places:
        read(view.wrap(data, at))


# %%
from zcviz.lessons.crossover import cost_by_fields

names = [field.name for field in table.fields]  # change their order, leave some out
ways = {"record": with_records, "flyweight": with_flyweight}
costs = cost_by_fields(ways, names, messages=len(places))
costs

# %%
fields_guess.reveal(
    costs.crossover or len(names) + 1,
    "The least of several rounds on your machine. Run the two cells again: near the crossing the "
    "answer is not stable, and there it does not matter which you take.",
)

# %% [markdown]
# ## 4 · Columnar: no object for a message
#
# The last pipeline makes no Python object per message at all, neither copy nor view nor number. A
# compiled loop goes through the packets and writes down where each message is.

# %%
columnar = send(feed, "columnar", message)
columnar.after("index")

# %% [markdown]
# This is the **index**: a few arrays with one entry a message: offset, size, tag. (In a capture, a
# second table has one entry a datagram, and says which messages that brought.) An entry is no view:
# it does not keep the file in memory. It is no copy either, for there is no byte of the message in
# it but its tag. It is *derived*.
#
# Next, the pipeline fetches the fields that it adds up, and no others.

# %%
columnar.after("gather")

# %% [markdown]
# **These are copies**, and the picture says so: a value of each message went into an array of its
# own, in the byte order of your processor. The bands show which. The rest of the message was never
# touched.

# %%
columnar.after("summary")

# %% [markdown]
# For so few messages that is not a small number of objects. But at full speed this pipeline takes a
# whole block of packets at once. What happens to the number of objects then?

# %%
block = send(feed, "columnar", message, stepped=False)
objects_guess = predict(
    f"It made {columnar.after('gather').objects} objects for {len(columnar.packet)} messages. "
    f"How many does it make for a block of {len(block.packet):,}?",
    unit="objects",
)
objects_guess

# %%
objects_guess.reveal(
    block.after("gather").objects,
    "A few arrays for each message type that occurs, however many messages there are. The arrays "
    "get longer; their number does not grow.",
    kind="zero-copy",
)

# %% [markdown]
# Here are both ways once more, at one scale: copying on its way to records, columnar on its way to
# columns.

# %%
side_by_side(copying.after("record"), columnar.after("gather"))

# %% [markdown]
# ## 5 · What each stage costs
#
# Now all four at full speed, over many messages. How long a stage takes cannot be seen from
# outside while the stages run hand in hand. So the pipeline runs once as it is, for the total, and
# once with a look at the clock after each stage: that says which share of the total is whose.

# %%
stage_guess = predict(
    "Where does columnar spend most of its time?", choices=["index", "gather", "summary"]
)
stage_guess

# %%
alone = zcviz.compare(feed, ["columnar"], messages=20_000, rounds=15)
spent = {row.stage: row.ns for row in alone.rows if row.stage != "total"}
stage_guess.reveal(
    max(spent, key=spent.get),
    " · ".join(f"{stage} {ns:,.1f} ns a message" for stage, ns in spent.items()),
    kind="zero-copy",
)

# %% [markdown]
# It depends on the file: through a capture the index has to find its way past all headers, in a
# BinaryFILE it goes from length to length. And how does columnar stand against the others?

# %%
result = zcviz.compare(feed, ("copying", "slicing", "flyweight", "columnar"))
result.plot()

# %% [markdown]
# Look at the two charts together. Slicing copies far less than copying and takes about as long.
# Flyweight copies nothing and is not far away. Columnar copies *more* than flyweight. So what sets
# it apart is not on the lower chart. It is in the column **blocks** of the table: the pieces of
# memory that are made for each message.

# %%
result

# %% [markdown]
# As long as every message has to become a Python object, Python has to handle them one by one. An
# array can be handed to a compiled loop as a whole, and that is the rest of the gain: the loop over
# the messages has left Python.
#
# - **viewed** is what a stage's output overlaps of its input, by address. **copied** is fresh
#   memory that holds values from the wire. **derived** is other fresh memory: offsets, sizes, sums.
# - Times and memory are never measured together: watching every allocation makes Python many times
#   slower.
# - All four give the same sums, to the last digit. If they did not, nothing would be timed.

# %% [markdown]
# ## 6 · Who owns what
#
# A view is a promise: the owner's memory stays as long as the view lives. `provenance` follows that
# chain, from any object to the memory it shows. First the flyweight, then the view of your message:

# %%
beside(zcviz.provenance(mine), zcviz.provenance(as_view), titles=["flyweight", "memoryview slice"])

# %% [markdown]
# The flyweight borrows from the view that it is aimed into, and that view from the owner of all
# bytes. Both chains end there. Now the index and a gathered column:

# %%
column = feed.table(table.name)["timestamp"]
beside(
    zcviz.provenance(feed.index.offsets),
    zcviz.provenance(column),
    titles=["index.offsets", "a gathered column"],
)

# %% [markdown]
# Their chains end in memory of their own: neither needs the file once it is made. And how much
# stays in memory for a very small view?

# %%
keep_guess = predict(
    "Eight bytes of the feed, seen through a view. How many bytes stay in memory for them?",
    unit="bytes",
)
keep_guess

# %%
second = zcviz.open(FILE)  # the same file, mapped once more
eight_bytes, moving = second.data[:8], next(second.views())
keep_guess.reveal(
    zcviz.provenance(eight_bytes).owner.keeps_alive,
    "All of it. A view keeps its owner, and an owner cannot be kept in part.",
    kind="zero-copy",
)

# %% [markdown]
# So what happens if you close the file while somebody still looks?

# %%
try:
    second.close()
    print("closed")
except zcviz.errors.BufferLifetimeError as refused:
    print(refused)

# %% [markdown]
# Closing is refused, and the error names who is looking. Without that, the next read would find
# memory that is gone, and the process would end without a word. (A file in gzip is not mapped. Its
# bytes were unpacked into Python's own memory, which stays while anybody looks; that can be closed
# at any time.) Copy what you need, and it closes:

# %%
eight_bytes = bytes(eight_bytes)
second.close()
second

# %% [markdown]
# `moving` is a flyweight of that feed, and it did not stand in the way. A feed knows the flyweights
# that it handed out, and takes them back when it is closed:

# %%
try:
    print(moving.timestamp)
except zcviz.errors.BufferLifetimeError as refused:
    print(refused)

# %% [markdown]
# ## 7 · Where columnar copies, and why that is right
#
# The stage `gather` copies. Could the columns not be views as well? In the file the prices of two
# orders lie apart, with other fields and other messages between them, and their bytes stand in the
# order of the network. Whoever wants to add them up has to fetch them one by one. The only question
# is how often.
#
# The latest timestamp of some messages, asked in three ways:

# %%
from statistics import median

from zcviz.bench.measure import interleaved
from zcviz.codec import gather

offsets = feed.index.offsets[feed.index.tags == table.tag[0]][:5_000]
column = gather(feed.data, offsets, table, "timestamp")
answers = {
    "read in place": lambda: max(view.wrap(data, at).timestamp for at in places),
    "gather, then ask": lambda: gather(feed.data, offsets, table, "timestamp").max(),
    "ask what was gathered": column.max,
}

# %%
taken = interleaved(answers, rounds=9)
nanoseconds = {name: median(times) * 1e9 / len(places) for name, times in taken.items()}
figures(
    *(figure(ns, "ns", f"per message: {name}") for name, ns in nanoseconds.items()),
    sentence="One copy, made by compiled code, costs less than reading once in Python. From then "
    "on every further question about that field is nearly free.",
)

# %% [markdown]
# One copy of a few bytes per message, made where it pays. In general:
#
# | you want to | then | because |
# |---|---|---|
# | look once at a few fields of many messages | index, view | nothing is made that nobody reads |
# | ask the same field again and again | gather a column | they lie together, in your byte order |
# | read nearly all fields of each message | decode a record | one call for all of them |
# | keep a little for long | copy it | a view would keep all of its owner |
# | hand data to code that you do not know | copy it | it is clear again who owns it |
# | keep what lies in a buffer for receiving | copy it | a view would show the next packet |
#
# Zero-copy is worth having where it saves *objects*, and where what is copied is large. It is not
# an end in itself.

# %% [markdown]
# ## What you saw
#
# - Copying puts every byte of a packet into memory several times, to look at few of them once.
# - Views in place of copies saved most of the bytes and hardly any time: a view is an object too.
# - A flyweight pays where few fields are read, and stops paying where many are. You measured where.
# - An index makes no object for a message, and compiled loops can use it. That is where the time
#   went, and not into the bytes.
# - Columns are copies, made once and on purpose.
# - A view keeps its owner, all of it. `close()` refuses and says who is looking.

# %% [markdown]
# ## Two exercises
#
# The check runs your function and watches what it does. There are hints.

# %%
largest_order = exercise("largest", FILE)
largest_order


# %%
def largest(feed):
    # your code
    return None


largest_order.check(largest)

# %%
both_sides = exercise("bought_and_sold", FILE)
both_sides


# %%
def bought_and_sold(feed):
    # your code
    return None


both_sides.check(bought_and_sold)

# %% [markdown]
# ## Where to go next
#
# - **[From bytes to index to columns](02_columns_and_indexes.ipynb)**: what a column costs and when
#   it pays, one question asked in five ways, and how far all of it is from the limit of your
#   machine.
# - **Another message:** put `choose_message(feed, "P")` (a trade), or any number below `len(feed)`,
#   into the second cell and run all cells again.
# - **Your own file:** change the first line. A BinaryFILE has no packets; 64 messages stand in for
#   one, and the stage `datagram` falls away. Try `../data/feed.itch`.
# - **A pipeline of your own:** `zcviz/pipelines` is short. Its stages are plain functions, and they
#   are the same functions whether they run at full speed or one packet at a time, as here.
