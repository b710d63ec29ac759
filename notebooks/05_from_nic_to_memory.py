# %% [markdown]
# # From the network card to your memory
#
# A packet arrives. What has to happen until your program holds a number from it? Its bytes lie in
# several places on the way, and between some of them they are copied. On this page you find every
# copy, and receive the same packets in several ways that leave more and more of the work out.
#
# - **You will do:** find out what your machine permits; say what a way of receiving costs before it
#   is measured; send thousands of real packets to yourself; ask for something and be refused.
# - **You will learn:** where a packet is copied, and by whom; what `recv_into`, `recvmmsg` and a
#   ring each leave out; what “zero-copy” can honestly mean; when copying is the better choice.
# - **You need:** the ideas of [Start here](00_start_here.ipynb) (copy, view), and about thirty
#   minutes. No privileges: what is not permitted is told, and the page goes on without it.
#
# Make each prediction before you run the next cell. All packets are real, and none leaves your
# machine.

# %%
FILE = "../data/feed.pcap"  # for an ITCH file of your own, change this line and nothing else

import zcviz
from zcviz import receive
from zcviz.lessons import exercise, figure, figures, predict
from zcviz.lessons.listing import listing

feed = zcviz.open(FILE)
feed

# %% [markdown]
# ## 1 · What this machine permits
#
# zcviz knows eleven ways to get packets; it calls them *paths*. Nobody asks who you are: `probe`
# opens each path, looks, and closes it. What is refused, is refused by the system.

# %%
from zcviz.lessons.permits import permits

found = receive.probe()
permits(found)

# %%
permitted = [each["name"] for each in found if each["available"]]
ring = "packet.ring_v2" if "packet.ring_v2" in permitted else None
figures(
    figure(len(permitted), f"of {len(found)}", "paths are permitted to you, here"),
    sentence="The paths that begin with `udp` need nothing. A ring needs a privilege."
    if ring
    else "No ring is permitted here. You will see it in the pictures, and what it takes to have "
    "one is written above.",
)

# %% [markdown]
# ## 2 · The way of a packet
#
# Begin with the plainest way: an ordinary UDP socket. The network card writes the packet into
# memory by itself; that is called *DMA*, and takes no time of your processor. The kernel makes a
# small structure that points to it, the *skb*, and puts that into the queue of your socket. There
# it waits until you ask.

# %%
way_guess = predict(
    "You ask with recv_into: here is my memory, put it there. How often has the processor copied "
    "the bytes by then, on the whole way from the card?"
)
way_guess

# %%
from zcviz.lessons.ways import WAYS, as_documented

as_documented(
    way_guess,
    WAYS["udp.recv_into"].count,
    "Card, page, skb, queue: all that time the bytes lie where the card has put them. The one copy "
    "is made in your call, from the kernel’s memory to yours. (No program can measure that from "
    "outside. What follows can be measured.)",
)

# %%
from zcviz.lessons.way_picture import ways

ways("udp.recv_into")

# %% [markdown]
# How to read it: **orange and hatched** is a copy, **blue** looks at bytes that lie elsewhere. The
# dotted line on the right is the border of your process: what is left of it, you cannot touch.
#
# One thing is different on this page. Your packets come from your own machine, and there is no
# card. So the call that *sends* copies them into the skb. From there on, all is as in the picture.

# %% [markdown]
# ## 3 · `recv`: a new object for each
#
# In Python, most programs say `socket.recv(65_535)`: give me the next one, however long it is. Here
# is a datagram (what the sender hands over in one call) of 100 bytes.

# %%
import socket

ours, theirs = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
ours.bind(("127.0.0.1", 0))
ours.settimeout(5)
theirs.connect(ours.getsockname())

asked_guess = predict(
    "How many bytes does recv(65_535) ask the allocator for, to receive these 100?", unit="bytes"
)
asked_guess

# %%
for _ in range(2):  # the first time, other things are made too
    theirs.send(bytes(100))
    with zcviz.exact(thread=True) as seen:
        datagram = ours.recv(65_535)
total = seen.result.total
asked_guess.reveal(
    total.bytes if total else "not counted here",
    f"Nobody knows how long the next one is. So room for the longest is taken, then cut to fit. "
    f"{zcviz.provenance(datagram).owner.keeps_alive} bytes stay.",
)

# %% [markdown]
# ## 4 · `recv_into`: the allocation goes
#
# The other way round: *you* bring the memory, once, and use it for every datagram.

# %%
slot = bytearray(2048)
none_guess = predict("How many allocations does recv_into(slot) make for the 100 bytes?")
none_guess

# %%
for _ in range(2):
    theirs.send(b"\x2a" * 100)
    with zcviz.exact(thread=True) as seen:
        size = ours.recv_into(slot)
total = seen.result.total
none_guess.reveal(
    total.allocations if total else "not counted here",
    f"And yet all {slot.count(42)} bytes have got into your memory: the kernel has copied them. It "
    "is the **allocation** that is gone, not the copy.",
    kind="copying",
)

# %% [markdown]
# Remember that when you read “zero-copy receive with `recv_into`”.
#
# From here on we let zcviz do it. All paths are used alike: open, take a *batch* of datagrams, use
# them, give the memory back. A datagram of a batch is a view of the path’s own memory.

# %%
from zcviz.lessons.lots import HERE, LOT, Post

with receive.open("udp.recv_into", **HERE) as receiver, Post(feed, receiver) as post:
    post.send(5)  # the first five datagrams of your file
    batch = receiver.receive(5.0)
    print(batch, bytes(batch[0][:20]), sep="\n")

# %% [markdown]
# ## 5 · `recvmmsg`: the calls go
#
# One datagram, one call of the system: the processor changes over to the kernel and back. Linux has
# a call that takes many, `recvmmsg`. `receive(0)` takes what is there, and does not wait.

# %%
many = "udp.recvmmsg" if "udp.recvmmsg" in permitted else "udp.recv_into"
call_guess = predict(
    f"{LOT} datagrams wait. How many calls of the system does {many} make to take them?"
)
call_guess

# %%
with receive.open(many, **HERE) as receiver, Post(feed, receiver) as post:
    post.send(LOT)
    taken = 0
    while taken < post.sent:
        taken += len(receiver.receive(0) or ())
    calls = receiver.counters.syscalls
call_guess.reveal(
    calls,
    f"{taken} datagrams. Each of them was copied all the same, into {taken} slots. (Without "
    "`recvmmsg`, it is a call for each, and one that says that no more is there.)",
)

# %% [markdown]
# ## 6 · A ring: the call goes, and the slot
#
# What is left is the copy to your process. A *ring* avoids that one. It is memory that the kernel
# and your process both see. The kernel copies each packet into it when it arrives, and sets a mark.
# You look at the mark. If something is there, you read it where it lies, without any call.
#
# *XDP* goes further. The packet is caught at the driver, before there is an skb, and is put into
# your memory (*UMEM*).

# %%
ways("udp.recv", "udp.recv_into", "packet.ring_v2", "xdp.copy", "xdp.zerocopy",
     sentence="A ring has as many copies as recv_into. But its copy is made when the packet "
     "arrives, and not in your call.")  # fmt: skip

# %% [markdown]
# (`udp.recv` is drawn as zcviz does it: it joins the objects of a batch, so that all of it lies in
# one memory. That is a second copy.)
#
# So each of them leaves something out. Which ones are permitted to you? They receive the same
# datagrams now, and everything that can be counted is counted:

# %%
names = ["udp.recv", "udp.recv_into", "udp.recvmmsg", "packet.ring_v2", "asyncio"]
compared = [name for name in names if name in permitted]
object_guess = predict(
    "Which of these makes the most allocations for a datagram?", choices=compared
)
object_guess

# %%
from zcviz.lessons.receive_costs import costs_of, counted, counted_table

rows = [counted(feed, name) for name in compared]
most = max(rows, key=lambda row: row.blocks or 0)
object_guess.reveal(
    most.path if most.blocks is not None else "not counted here",
    "An event loop makes handles, tuples and contexts for each datagram. It is made for thousands "
    "of connections, not for thousands of packets.",
)

# %%
counted_table(
    rows,
    "Copies are read off the picture: what the kernel does, no program can see from outside. What "
    "little `recv_into`, `recvmmsg` and the ring allocate is for a whole batch: the batch itself.",
)

# %% [markdown]
# ## 7 · What it is worth
#
# Calls, allocations, copies: what do they cost? Say it first. (The scale means: as many times as
# long.)

# %%
into_guess = predict(
    "How many times as much processor time does recv take as recv_into?",
    choices=[1, 1.2, 1.5, 2, 5, 10], unit="×",
)  # fmt: skip
into_guess

# %%
best = ring or many
best_guess = predict(
    f"And how many times as much as {best}?", choices=[1, 1.5, 2, 5, 10, 20], unit="×"
)
best_guess

# %%
costs = costs_of(feed, compared)
costs

# %%
into_guess.reveal(
    costs.ratio("udp.recv", "udp.recv_into"),
    costs.told("udp.recv", "udp.recv_into") + " That is the allocation, and the joining. And the "
    f"calls? {costs.told('udp.recv_into', many)}"
    if many != "udp.recv_into"
    else costs.told("udp.recv", "udp.recv_into"),
)

# %%
best_guess.reveal(
    costs.ratio("udp.recv", best),
    costs.told("udp.recv", best) + " These are the calls that **receive**. Read on.",
)

# %% [markdown]
# ### Where has the work gone?
#
# The ring has a copy too, and somebody has to make it. The kernel does, when the packet arrives. On
# this page a packet arrives while `send` runs, so that is where to look for it:

# %%
figures_of = {name: (costs.receiving[name].median, costs.sending[name].median) for name in compared}
listing(
    ["path", "to receive [µs]", "to send [µs]", "both [µs]"],
    [
        (name, *(f"{each:.2f}" for each in (own, other, own + other)))
        for name, (own, other) in figures_of.items()
    ],
    title="Processor time for a datagram, median",
    sentence="Only the first column is time of your program. With a real card, the kernel’s share "
    "of the second is done on whichever core the card interrupts."
    + ("" if ring else " (No ring is permitted here, so it is not in the table.)"),
)

# %% [markdown]
# A ring moves a part of the work to somebody else, and drops a part. If your core is the one that
# has too much to do, both help. Do not call it free.

# %% [markdown]
# ## 8 · Are they the same bytes?
#
# A fast way to receive something else is worth nothing. All datagrams of your file go through each
# permitted path, and right into a pipeline (`Intake` knows how messages stand in datagrams). The
# result has to be the same as from the file.

# %%
from hashlib import blake2b

from zcviz.pipelines import PIPELINES
from zcviz.receive.intake import Intake


def through(name):
    run, bytes_seen = PIPELINES["columnar"].live(Intake(feed.protocol.name)), blake2b()
    with receive.open(name, **HERE) as receiver, Post(feed, receiver) as post:
        for batch in post.batches():
            run.take(batch)
            for number in range(len(batch)):
                bytes_seen.update(batch[number])
    return post.received, bytes_seen.digest(), run.result()


# %%
from zcviz.lessons.lots import digest_of
from zcviz.lessons.permits import refused

expected = digest_of(feed), PIPELINES["columnar"](feed)
paths = [name for name in permitted if name != "replay" and not refused(name, **HERE)]
results = {name: through(name) for name in paths}

# %%
words = {True: "the same", False: "different"}
listing(
    ["path", "datagrams", "bytes", "summary of all messages"],
    [
        (name, number, words[digest == expected[0]], words[summary == expected[1]])
        for name, (number, digest, summary) in results.items()
    ],
    title="Against the file itself",
    sentence=f"{expected[1]}.",
)

# %% [markdown]
# ## 9 · Whose memory is it?
#
# A datagram of a batch is a view. Of what? `provenance` follows it to the owner.

# %%
whose_guess = predict(
    "udp.recv_into has 256 slots of 2,048 bytes, and a datagram has come into the first of them. "
    "How many bytes stay in memory because of a view of it?",
    unit="bytes",
)
whose_guess


# %%
def whose(name):
    with receive.open(name, **HERE) as receiver, Post(feed, receiver) as post:
        post.send(5)
        return zcviz.provenance(receiver.receive(5.0)[0])


kept = {name: whose(name) for name in compared if name != "asyncio"}
whose_guess.reveal(
    kept["udp.recv_into"].owner.keeps_alive,
    "All slots are one memory, made once. That is why nothing is allocated later.",
)

# %%
lives = {"bytes": "stays as it is", "ndarray": "used again", "mmap": "the kernel’s and yours"}
listing(
    ["path", "a datagram lies in", "bytes of that", "which is"],
    [
        (name, each.owner.type, each.owner.keeps_alive, lives[each.owner.type])
        for name, each in kept.items()
    ],
    title="The owner of a datagram’s bytes",
)

# %% [markdown]
# ## 10 · A view has an end
#
# “Used again”: that is the price of a memory that is made once. Here a datagram is kept as a view,
# and the next one comes. The first begins with `1`, the second with `2`.

# %%
end_guess = predict(
    "The view was taken of the first datagram. What does it show after the second one came?",
    choices=["the first", "the second", "an error"],
)
end_guess


# %%
def send_to(receiver, *datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, receiver.address)


# %%
with receive.open("udp.recv_into", **HERE) as receiver:
    send_to(receiver, b"1 buy")
    view = receiver.receive(5.0)[0]
    copy = bytes(view)
    send_to(receiver, b"2 end")
    receiver.receive(5.0)
    shown = {"the first": view == b"1 buy", "the second": view == b"2 end"}
end_guess.reveal(
    next((name for name, true in shown.items() if true), "an error"),
    f"The view says {bytes(view)}, the copy {copy}. Nothing is raised, and nothing is wrong with "
    "the view: the memory holds the second one.",
)

# %% [markdown]
# A mistake that raises nothing is the worst kind. So there is a debug mode. It looks for views
# before the memory is used again. That takes time, so use it while you write a program.

# %%
from zcviz.errors import BufferLifetimeError

with receive.open("udp.recv_into", **HERE, debug=True) as receiver:
    send_to(receiver, b"1 buy")
    batch = receiver.receive(5.0)
    forgotten = batch[0]
    try:
        batch.release()
    except BufferLifetimeError as error:
        refusal_text = str(error)
    forgotten = bytes(forgotten)  # a copy may stay as long as it likes
    batch.release()
print(refusal_text)

# %% [markdown]
# It names the variable. Once released, a batch hands out no more views, in debug mode or not:

# %%
try:
    batch[0]
except BufferLifetimeError as error:
    print(error)

# %% [markdown]
# (A ring is stricter still. Its memory is mapped, and would be gone; so it refuses to close while
# somebody looks into it.)

# %% [markdown]
# ## 11 · What “zero-copy” means, border by border
#
# The word is used for very different things. Ask: zero-copy *between whom and whom*? The table is
# read off the same list as the pictures.

# %%
from zcviz.lessons.ways import BOUNDARIES, boundaries

word_guess = predict(
    "A packet ring is called zero-copy. At which of these borders is it true?",
    choices=["everywhere", *BOUNDARIES[1:3]],
)
word_guess

# %%
as_documented(
    word_guess,
    ", ".join(WAYS["packet.ring_v2"].zero_copy),
    "Into the ring, the kernel has copied the packet once. From the ring to you, nobody copies. "
    "Both halves belong to the truth.",
)

# %%
boundaries([name for name in WAYS if name != "replay"])

# %% [markdown]
# One line has no orange in it. That one we want.

# %% [markdown]
# ## 12 · Asking for real zero-copy
#
# `xdp.zerocopy` tells the kernel: let the card itself write into *my* memory, or refuse. It must
# not fall back to copying in silence. Ask it:

# %%
zero_guess = predict(
    "What will the system answer on this machine?",
    choices=["permitted", "you are not allowed to", "nobody here can do it"],
)
zero_guess

# %%
from zcviz.lessons.permits import answer_in_words, refusal

answer = refused("xdp.zerocopy")  # None: it was opened, and closed again
zero_guess.reveal(
    answer_in_words(answer),
    "It was asked just now. The next cell shows the answer itself.",
)

# %%
refusal("xdp.zerocopy", answer)

# %%
refusal("xdp.copy", refused("xdp.copy"))

# %% [markdown]
# Two refusals are easily confused. `EPERM`: you may not ask. `EOPNOTSUPP`: you may, and the driver
# cannot. Loopback has no card, so no privilege will ever help there. It takes a card, and a driver
# that can.

# %% [markdown]
# ## 13 · What only hardware gives
#
# | what | what it leaves out | it takes |
# |---|---|---|
# | XDP, zero-copy | the copy; the kernel’s network stack | a driver that can (`ice`, `mlx5`, …) |
# | DPDK | the kernel, and interrupts: a core asks all the time | a card and a core for it alone |
# | `ef_vi`, Onload | the kernel: the card writes to your process | cards of one maker |
# | RDMA | the other machine’s processor as well | such cards on both ends |
# | time stamps by the card | the kernel’s delay in the time you read | most server cards |
#
# DPDK, `ef_vi` and RDMA are called *user-space networking*: the packet goes past the kernel. (With
# XDP, the kernel’s driver still does its part.) What the kernel did is then done in your process,
# by you or by a library: find the datagram in the packet, check it, join groups, share the card
# with others. None of it is measured on this page, so there is no figure here. And in each of them
# your program still reads its numbers out of the packet.

# %% [markdown]
# ## 14 · When copying is the better choice
#
# A view keeps the memory that it looks into. Here one small datagram of a batch is kept.

# %%
pin_guess = predict(
    f"{LOT} datagrams are received together with udp.recv, and a view of the shortest is kept. "
    "How many times its own size stays in memory?",
    choices=[1, 10, 100, 1000], unit="×",
)  # fmt: skip
pin_guess

# %%
with receive.open("udp.recv", **HERE) as receiver, Post(feed, receiver) as post:
    post.send()
    batch = receiver.receive(5.0)
    small = min(batch, key=len)
    stays = zcviz.provenance(small).owner.keeps_alive
    alone = zcviz.provenance(bytes(small)).owner.keeps_alive
pin_guess.reveal(
    stays / alone,
    f"{stays:,} bytes stay because of the view, {alone:,} because of a copy.",
    kind="zero-copy",
)

# %% [markdown]
# In a ring it is worse. What you keep, the kernel cannot fill. Here is a ring for some 58 packets.
# 40 come; they are kept as views, or copied out and released. Then 40 more come.

# %%
ring_guess = predict(
    "How many of the second 40 are lost if the first 40 are kept as views?", unit="datagrams"
)
ring_guess


# %%
from zcviz.lessons.lots import settled


def lost(copied_out):
    with receive.open(ring, **HERE, blocks=2, block=1 << 16) as receiver:
        send_to(receiver, *[bytes(100)] * 40)
        settled(receiver, 40)
        held = receiver.receive(5.0)
        if copied_out:
            copied = held.copy()
            held.release()
            held = copied  # and the work on it takes as long as it likes
        send_to(receiver, *[bytes(100)] * 40)
        return settled(receiver, 40 if copied_out else 80)


# %%
losses = {"views": lost(False), "copied out": lost(True)} if ring else {}
ring_guess.reveal(
    losses.get("views", "no ring is permitted here"),
    f"Copied out first: {losses['copied out']} lost. A quick copy frees the ring."
    if ring
    else "A quick copy frees the ring; the next lesson shows the same with a socket’s buffer.",
)

# %% [markdown]
# So: **look at views, keep copies.** Which copy, depends on what you want to keep:
#
# | you need it later | keep |
# |---|---|
# | one datagram or message | `bytes(view)` |
# | the batch, to work on it elsewhere | `batch.copy()`: one copy, and the path is free |
# | some fields of many messages | columns: values only, 4 or 8 bytes each |
# | the state of the market | an order book: numbers, no packet |
# | everything, for another day | write it to a file |
#
# In section 7 you saw paths with the same number of copies, and very different costs. To copy what
# is small, once, is not what makes a program slow.

# %% [markdown]
# ## What you saw
#
# - With an ordinary socket, the bytes are copied once: by the kernel, in your call.
# - `recv_into` leaves out the allocation, `recvmmsg` the calls, a ring the calls and the slot. All
#   of them copy once.
# - The copy of a ring is made when the packet arrives. Your program does not pay for it; somebody
#   does.
# - “Zero-copy” is said of a border. Ask which.
# - Without any copy takes a card and a driver. The system says so if you ask, and if you do not let
#   it fall back.
# - A view ends when its memory is used again. Copy what you keep; it is cheap, and frees the rest.

# %% [markdown]
# ## Three exercises
#
# The check runs your function with real packets. There are hints.

# %%
fill_task = exercise("fill", FILE)
fill_task


# %%
def fill(sock, slots, sizes):
    # your code
    return None


fill_task.check(fill)

# %%
longest_task = exercise("longest", FILE)
longest_task


# %%
def longest(batches):
    # your code
    return None


longest_task.check(longest)

# %%
lean_task = exercise("lean", FILE)
lean_task


# %%
def lean(host):
    # your code
    return None


lean_task.check(lean)

# %% [markdown]
# ## Where to go next
#
# - **With more privileges:** run this page as root, or with `CAP_NET_RAW`, and see the ring.
# - **A card of your own:** `receive.probe(interface="eth0", host="…")` asks that one, with the
#   address that it has.
# - **Live:** `zcviz.dashboard()` shows two paths side by side while they receive the same traffic.
# - **After this page**: [When the buffer overflows](06_when_the_buffer_overflows.ipynb). All was
#   received in lots here, so that nothing was lost. It is not always so.
# - **Before this page**: [Start here](00_start_here.ipynb) ·
#   [Where copies hide](03_where_copies_hide.ipynb)
#
# ```python
# from zcviz import receive
#
# with receive.open("fast", port=26400) as receiver:  # the fastest that is permitted
#     print(receiver.name, receiver.copies)
#     for batch in receiver.batches(timeout=1.0):
#         work_on(batch)  # views: copy what has to stay
#     print(receiver.counters)
# ```
