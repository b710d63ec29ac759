# %% [markdown]
# # Two pipelines, step by step
#
# A pipeline gets from the bytes of a file to an answer. Here you send **one packet** through two of
# them, side by side. At each step you see all memory that exists because of that packet: every
# copy, every view, drawn to scale, with its real address. Then you put a third pipeline between
# the two, and a fourth, until you know what it is that makes the difference.
#
# - **You will do:** step one packet, then sixteen, through four pipelines; predict what each of
#   them copies and makes; measure all four over the whole file.
# - **You will learn:** why looking instead of copying is not enough, and what is; where zero-copy
#   begins and where it ends; when copying is the better choice.
# - **You need:** the ideas of [Start here](00_start_here.ipynb) (copy, view, index), and about
#   twenty minutes.
#
# Make each prediction before you run the next cell. Nothing on this page is drawn from a script:
# pictures and figures come from the objects that your Python makes while you read.

# %%
FILE = "../data/feed.pcap"  # for a file of your own, change this line and nothing else

import zcviz
from zcviz.lessons import exercise, figure, figures, predict

feed = zcviz.open(FILE)
feed

# %% [markdown]
# ## 1 · One packet
#
# The job is a small one: add up shares and money for each security. Two pipelines do it.
#
# - **copying** ▨ is how most programs read a capture. Cut the packet out of the file. Cut the
#   datagram out of the packet. Cut each message out of that. Decode it into a record, and add the
#   records up. Every cut is a slice of `bytes`.
# - **columnar** ▬ cuts nothing. It notes where each message is (the **index**), fetches the values
#   that are to be added, all of one field at once (a **column**), and adds the columns up.
#
# This is the packet; one of its messages is *yours*. zcviz has sent it through both pipelines
# already, but does not show that yet:

# %%
single = zcviz.stepper(feed)  # another message of the feed: zcviz.stepper(feed, 5000)
trip = single.trip
message = trip.first + trip.message  # yours, by its number in the feed
mine = feed.index.sizes[trip.first : trip.first + trip.number]
figures(
    figure(len(mine), "", "messages in it"),
    figure(mine.sum(), "B", "of messages, without any header"),
    sentence=trip.subject + ".",
)

# %%
copying_guess = predict(
    f"These messages are {mine.sum():,} bytes. How many bytes has copying copied by the time they "
    "are added up?",
    unit="bytes",
)
copying_guess

# %%
columnar_guess = predict("And columnar?", unit="bytes")
columnar_guess

# %% [markdown]
# Now step through it.
#
# 1. Press **Step**, and read what it says, until all is added up. Arrow keys do the same.
# 2. At which step is there a new strip of memory? On which side?
# 3. Where does *zero-copy so far* end?
# 4. Point at a field in the strip, say the price: it is marked wherever a copy of it is.

# %%
single

# %% [markdown]
# A strip is memory, as long as it has bytes. The uppermost one is a piece of the file, mapped into
# memory; the edges are torn, because the file goes on to both sides. Orange and hatched is memory
# that was copied into. Blue brackets are the entries of the index, and the plain strips hold them:
# numbers that say where a message begins, how long it is, and of what type. They are **derived**
# from the feed. No message is in them.

# %%
copying, columnar = trip.steps[-1].lanes  # what the panel shows at the last step
copying_guess.reveal(
    copying.copied,
    "Each cut copies all that is left, whether anybody will look at it or not. And decoding copies "
    f"once more: your message is in memory {copying.places} times.",
    kind="copying",
)

# %%
columnar_guess.reveal(
    columnar.copied,
    "Up to the index it is **zero-copy**: from the map of the file to the place of each message, "
    "no byte was copied. There it ends. The columns **are** copies, of the fields that are added "
    "up and no others, in the byte order of your processor.",
    kind="zero-copy",
)

# %% [markdown]
# So is columnar better? Look at the other figures of the panel before you say yes:

# %%
figures(
    figure(copying.objects, "", "objects made by copying", kind="copying"),
    figure(columnar.objects, "", "objects made by columnar", kind="zero-copy"),
    figure(copying.ns / 1000, "µs", "spent by copying", kind="copying"),
    figure(columnar.ns / 1000, "µs", "spent by columnar", kind="zero-copy"),
)

# %% [markdown]
# Few bytes copied, and nothing gained. For a packet with so few messages, arrays are objects like
# any other, and calling a compiled loop costs more than the loop.

# %% [markdown]
# ## 2 · Sixteen packets
#
# A file has many packets, and they need not be taken one by one. So take sixteen, and ask what
# grows.

# %%
batch = zcviz.stepper(feed, message, batch=True)
number = batch.trip.number
several_copying, several_columnar = batch.trip.steps[-1].lanes
objects_guess = predict(
    f"For {trip.number} messages columnar made {columnar.objects} objects. In the batch there are "
    f"{number}. How many objects does columnar make for them?",
    unit="objects",
)
objects_guess

# %%
batch

# %%
objects_guess.reveal(
    several_columnar.objects,
    "A few arrays for each message **type** that occurs, however many messages there are of it. "
    "With more messages the arrays get longer. There are no more of them.",
    kind="zero-copy",
)

# %%
from zcviz.lessons.listing import listing

rows = [
    ("messages", trip.number, number),
    ("copying: bytes copied", copying.copied, several_copying.copied),
    ("columnar: bytes copied", columnar.copied, several_columnar.copied),
    ("copying: objects", copying.objects, several_copying.objects),
    ("columnar: objects", columnar.objects, several_columnar.objects),
]

# %%
listing(
    ["", f"one {trip.unit}", "a batch", "times as many"],
    [(name, one, many, f"{many / max(one, 1):.1f}") for name, one, many in rows],
    title="What grows with the batch",
    sentence="Bytes grow with the messages, on both sides. So do the objects of copying. The "
    "objects of columnar hardly do.",
)

# %% [markdown]
# Bytes, then, or objects: which of the two makes a pipeline slow? Take the copies away, and leave
# everything else as it is.

# %% [markdown]
# ## 3 · Is slicing memoryviews already zero-copy?
#
# A slice of a `memoryview` copies nothing: it is a window into memory that somebody else owns. This
# is the line that cuts the messages out, in zcviz itself:

# %%
from inspect import getsource

from zcviz.walk import Walker

print(getsource(Walker.messages))

# %% [markdown]
# In *copying*, `piece` is `bytes`, and each slice a copy. Hand the same line a `memoryview`, and
# each slice is a view. Do that from the first cut on, change nothing else, and you have the
# pipeline **slicing**.

# %%
slicing_guess = predict(
    f"Copying copied {copying.copied:,} bytes for your packet. How many does slicing copy?",
    unit="bytes",
)
slicing_guess

# %%
sliced = zcviz.stepper(feed, message, pipelines=("copying", "slicing"))
slicing = sliced.trip.steps[-1].lanes[1]
sliced

# %%
slicing_guess.reveal(
    slicing.copied,
    "The cuts are **zero-copy**: from the map to the messages, no byte was copied. The records are "
    "not: a record owns its values, all of them, whatever they were decoded from.",
)

# %% [markdown]
# So slicing is zero-copy up to the messages, and not one step further. Step there and back, and
# compare the *objects*: both sides make the same number. A view has no copy of the bytes, but it is
# a Python object too.

# %%
pace_guess = predict(
    "How fast is slicing, if copying is 1?", choices=[0.5, 1, 1.5, 2, 3, 5], unit="×"
)
pace_guess

# %%
some = zcviz.compare(feed, ("copying", "slicing"), messages=10_000, rounds=15)
pace = some.total("copying").ns / some.total("slicing").ns
pace_guess.reveal(pace, "Most of the copies are gone, and next to nothing is gained. Why?")

# %%
import sys

start = int(feed.index.offsets[message])
as_view = feed.source.view[start : start + int(feed.index.sizes[message])]
as_bytes = bytes(as_view)
figures(
    figure(len(as_bytes), "B", "your message on the wire"),
    figure(sys.getsizeof(as_bytes), "B", "the bytes object that holds a copy", kind="copying"),
    figure(sys.getsizeof(as_view), "B", "the memoryview that holds none", kind="zero-copy"),
    sentence="For small messages, the object that looks is larger than the copy.",
)

# %% [markdown]
# A view has to be allocated, filled in, counted and freed, and that is most of what a copy of so
# few bytes costs as well. How large must a slice be for a view to pay?

# %%
from timeit import repeat

owner = bytes(200_000)
window = memoryview(owner)


def cost(memory, size):
    rounds = repeat(lambda: memory[1 : size + 1], number=1_000, repeat=9)
    return round(min(rounds) * 1e6)  # nanoseconds for one of the thousand


# %%
sizes = (36, 1_000, 10_000, 100_000)
listing(
    ["a slice of", "as bytes [ns]", "as a view [ns]"],
    [(f"{size:,} B", cost(owner, size), cost(window, size)) for size in sizes],
    title="What a slice costs: the least of nine rounds",
    sentence="The view costs the same for any size, the copy does not.",
)

# %% [markdown]
# For a large payload the view wins by far. Messages of a market are small. For them, **views alone
# do not pay.** So the question is not how to copy less. It is how to make fewer objects.

# %% [markdown]
# ## 4 · Where the objects go
#
# Why make a view for every message, if you look at one after the other? One object a message *type*
# is enough, if it can be aimed: it holds the memory and an offset, and reads a field when you ask
# for it. Such an object is a **flyweight**. The pipeline of that name makes neither a view nor a
# record for each message. It notes places in a list, and moves from one to the next.

# %%
fewer_guess = predict(
    f"Slicing made {slicing.objects} objects for your packet. How many does flyweight make?",
    unit="objects",
)
fewer_guess

# %%
moved = zcviz.stepper(feed, message, pipelines=("slicing", "flyweight"))
flyweight = moved.trip.steps[-1].lanes[1]
moved

# %%
fewer_guess.reveal(
    flyweight.objects,
    "The views of the cuts, and the numbers that say where each message starts and ends. These are "
    "**derived** from the feed, and no byte of it. From the map to the sums flyweight is "
    "**zero-copy**: a value that it reads is a Python number for a moment, and then part of a sum.",
)

# %%
fly_guess = predict(
    "How fast is flyweight, if copying is 1?", choices=[0.5, 1, 1.5, 2, 3, 5], unit="×"
)
fly_guess

# %%
some = zcviz.compare(feed, ("copying", "flyweight"), messages=10_000, rounds=15)
pace = some.total("copying").ns / some.total("flyweight").ns
fly_guess.reveal(
    pace,
    "No byte copied, hardly an object kept, and still no wonder. Each field that is read becomes a "
    "Python number, and reading it is a call. The work has moved, from decoding to adding up.",
)

# %% [markdown]
# ### How many fields?
#
# A record decodes all fields in one call. A flyweight makes one call for each field you read. So
# there is a number of fields from which on the copy is cheaper.

# %%
fields_guess = predict("From how many fields on is the record the cheaper way?", unit="fields")
fields_guess

# %%
from zcviz.codec import record_of, view_of

tag = int(feed.index.tags[message])
table = next(each for each in feed.protocol if each.key == tag)  # or another: feed.protocol["U"]
places = feed.index.of_type(table.key)[:5_000].tolist()
data, decode, view = feed.source.view, record_of(table), view_of(table)()


# %%
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
# ## 5 · All four, over the whole file
#
# Now at full speed. Columnar no longer takes a packet or sixteen, but thousands at once. How long a
# stage takes cannot be seen from outside while the stages run hand in hand; so each pipeline runs
# once as it is, for the total, and once with a look at the clock after each stage, which says what
# share of the total is whose.

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
# it apart is not on the lower chart. It is in the ledger, in the column **made**: the blocks of
# memory that are allocated for each message, those included that are freed at once.

# %%
result

# %% [markdown]
# As long as every message has to become a Python object, Python has to handle them one by one. An
# array can be handed to a compiled loop as a whole, and that is the rest of the gain: the loop over
# the messages has left Python.
#
# - **viewed** is what a stage's output overlaps of its input, by address. **copied** is fresh
#   memory that holds values from the wire. **derived** is other fresh memory: offsets, sizes, sums.
# - Times and memory are never measured together: watching every allocation takes time itself.
# - All four give the same sums, to the last digit. If they did not, nothing would be timed.

# %% [markdown]
# ## 6 · Where copying is the better choice
#
# You have met two places. The columns are copies: in the file the prices of two orders lie apart,
# in the byte order of the network, and a compiled loop wants them side by side. And who reads
# nearly all fields of a message is better off with a record.
#
# The third is time. A view is a promise: its owner's memory stays as long as the view lives. So
# what happens if you keep eight bytes, and close the file?

# %%
second = zcviz.open(FILE)  # the same file, mapped once more
eight_bytes = second.data[:8]
try:
    second.close()
except zcviz.errors.BufferLifetimeError as refused:
    print(refused)
figures(
    figure(eight_bytes.nbytes, "B", "are looked at"),
    figure(zcviz.provenance(eight_bytes).owner.keeps_alive, "B", "stay in memory for them"),
)

# %% [markdown]
# Closing is refused, and the error names who is looking: the next read would find memory that is
# gone. (A file in gzip is not mapped. Its bytes were unpacked into Python's own memory, which stays
# while anybody looks; that can be closed at any time.) Copy what you need, and it closes:

# %%
eight_bytes = bytes(eight_bytes)
second.close()
second

# %% [markdown]
# | you want to | then | because |
# |---|---|---|
# | look once at a few fields of many messages | index, view | nothing is made that nobody reads |
# | ask the same field again and again | gather a column | they lie together, in your byte order |
# | read nearly all fields of each message | decode a record | one call for all of them |
# | keep a little for long | copy it | a view would keep all of its owner |
# | keep what lies in a buffer for receiving | copy it | a view would show the next packet |
#
# Zero-copy is worth having where it saves *objects*, and where what is copied is large. It is not
# an end in itself. [Where copies hide](03_where_copies_hide.ipynb) measures when a copy is the
# right choice.

# %% [markdown]
# ## What you saw
#
# - Copying puts every byte of a packet into memory several times, to look at few of them once.
# - For one packet, columns gain next to nothing. For many, the bytes grow with the messages, and
#   the number of arrays hardly does.
# - Views in place of copies saved most of the bytes and hardly any time: a view is an object too.
# - A flyweight copies nothing, from the map to the sums. It pays where few fields are read.
# - An index makes no object for a message, and compiled loops can use it. That is where the time
#   went, and not into the bytes.
# - *Zero-copy* has a beginning and an end. From the map on, columnar is zero-copy up to the index,
#   slicing up to the messages, flyweight up to the sums, and copying nowhere.

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
# - **All four at once:** `zcviz.stepper(feed, pipelines=("copying", "slicing", "flyweight",
#   "columnar"))`. In every panel you can pick another packet, and another message of it.
# - **Your own file:** change the first line. A BinaryFILE has no packets; pieces of 64 messages
#   stand in for them, and the step *datagram* falls away. Try `../data/feed.itch`.
# - **A pipeline of your own:** `zcviz/pipelines` is short. Its stages are plain functions, and they
#   are the same functions whether they run at full speed or one packet at a time, as here.
