# The module that nnc made of caller.nn: trains, predicts, saves; arrays of array.array, memoryview and, where it is
# installed, numpy; everything that is wrong is an exception that says what.
import array
import os
import signal
import sys
import tempfile
import threading

import caller

try:
    import numpy
except ImportError:
    numpy = None

ROWS = 75
x = array.array("f", [((i * 37) % 101) / 50 - 1 for i in range(4 * ROWS)])
up = array.array("i", [i % 2 for i in range(ROWS)])
n = array.array("i", [i % 5 for i in range(ROWS)])
k = array.array("i", [(x[4 * i] > 0) + (x[4 * i + 1] > 0) for i in range(ROWS)])


def check(holds, what):
    if not holds:
        sys.exit(what)


def refused(kind, text, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except kind as e:
        check(text in str(e) and e.status == kind.status, "it says: %s" % e)
    else:
        check(False, "taken: " + text)


def same(a, b):
    return a.tobytes() == b.tobytes()


# ---- training: by steps, by epochs, stopped and gone on with ----
m = caller.Model(seed=3)
first = m.train_step(x[:128], up[:32], n[:32], k[:32])
check(first > 0 and m.step == 1, "a step")
losses = []


def hear(t):
    if t.ends_epoch:
        losses.append(t.loss)
    return t.step == 26


check(m.train(x, up, n, k, epochs=40, callback=hear) is False and m.step == 26, "a callback that stops")
check(m.train(x, up, n, k, epochs=40) is True and m.step > 26, "going on")
check(len(losses) == 8 and losses[-1] < losses[0], "what a callback hears")


class Mine(Exception):
    pass


def throw(t):
    raise Mine


try:
    m.train(x, up, n, k, callback=throw)
    check(False, "an exception of a callback is lost")
except Mine:
    pass

# Ctrl-C ends training between two updates, wherever Python's own code is interrupted.
signal.signal(signal.SIGINT, signal.default_int_handler)
handler = signal.getsignal(signal.SIGINT)
for after in 0.01, 0.02, 0.05:
    threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        m.train(x, up, n, k, epochs=1_000_000)
        check(False, "an interruption is lost")
    except KeyboardInterrupt:
        pass
check(signal.getsignal(signal.SIGINT) is handler and m.train(x, up, n, k), "going on after an interruption")

# ---- predicting: any number of rows, where the arrays lie ----
all_rows = m.predict(x, up, n)
check(all_rows.logits.shape == (ROWS, 3) and all_rows.logits.format == "f", "the shape of a result")
some = m.predict(memoryview(x)[4 * 40 :], bytes(up[40:]) and memoryview(bytes(up[40:])).cast("i"), n[40:])
check(same(memoryview(all_rows.logits.cast("B"))[40 * 12 :], some.logits.cast("B")), "rows by themselves")
given = array.array("f", bytes(4 * 3 * ROWS))
result = m.predict(x, up, n, logits=given)
check(result.logits.obj is given and same(memoryview(given), all_rows.logits), "a result where it is wanted")

# ---- everything in bytes and files ----
other = caller.Model()
other.from_bytes(m.to_bytes())
check(other.step == m.step and same(other.predict(x, up, n).logits, all_rows.logits), "through bytes")
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "w.safetensors")
    m.save(path)
    with caller.Model() as third:
        third.load(path)
        check(third.to_bytes() == m.to_bytes(), "through a file")
w = m.get("net.dense_1.w")
check(w.shape == caller.PARAMETERS["net.dense_1.w"] and w.shape[0] == 4, "a parameter")
zeros = array.array("f", bytes(w.nbytes))
other.set("net.dense_1.w", zeros)
check(same(other.get("net.dense_1.w"), zeros) and same(m.get("net.dense_1.w"), w), "a parameter that is set")

# ---- what is wrong ----
refused(caller.UsageError, "x is a list: an array with a buffer is wanted", m.predict, [1.0], up, n)
refused(caller.UsageError, "x has elements 'd' of 8 bytes, and must have 'f': with numpy astype('float32')", m.predict, array.array("d", x), up, n)
refused(caller.UsageError, "x has gaps", m.predict, memoryview(x)[::2], up, n)
refused(caller.UsageError, "up has 75 rows, x has 74", m.predict, x[4:], up, n)
refused(caller.UsageError, "x has 299 elements, and a row of it has 4", m.predict, x[1:], up, n)
refused(caller.UsageError, "logits has 3 elements, and 225 are needed", m.predict, x, up, n, logits=given[:3])
refused(caller.UsageError, "logits cannot be written", m.predict, x, up, n, logits=memoryview(bytes(given)).cast("f"))
refused(caller.UsageError, "count is 75: a call takes 1 .. 32 rows", m.train_step, x, up, n, k)
refused(caller.UsageError, "count is 0", m.predict, x[:0], up[:0], n[:0])
refused(caller.DataError, "the field n: row 0 holds 5, and must hold 0 .. 4", m.predict, x[:4], up[:1], array.array("i", [5]))
refused(caller.FileError, "/nonexistent", m.load, "/nonexistent")
refused(caller.DataError, "memory: ", m.from_bytes, b"123456789")
refused(caller.UsageError, "epochs is 0", m.train, x, up, n, k, epochs=0)
refused(caller.UsageError, "there is no parameter net.q", m.get, "net.q")
refused(caller.UsageError, "lr is -1", m.set_lr, -1)
nan = caller.Model()
nan.set("net.dense_1.w", array.array("f", [float("inf")] * 32))
refused(caller.NotFiniteError, "the loss of step 1 is ", nan.train_step, x[:4], up[:1], n[:1], k[:1])
check(isinstance(caller.UsageError("x"), ValueError), "an exception that Python knows")
m.close()
m.close()
refused(caller.UsageError, "the instance is NULL", m.epoch, 0.5)

# ---- instances side by side ----
models = [caller.Model(seed=9) for _ in range(4)]
threads = [threading.Thread(target=a.train, args=(x, up, n, k), kwargs={"epochs": 30}) for a in models]
for t in threads:
    t.start()
for t in threads:
    t.join()
check(all(a.to_bytes() == models[0].to_bytes() for a in models), "instances in threads")

if numpy is not None:
    a = numpy.frombuffer(x, "f").reshape(ROWS, 4)
    b = numpy.asarray(models[0].predict(a, up, numpy.asarray(n)).logits)
    check(b.shape == (ROWS, 3) and numpy.isfinite(b).all(), "numpy")
    refused(caller.UsageError, "x has gaps", models[0].predict, numpy.asfortranarray(a), up, n)
    out = numpy.zeros((ROWS, 3), "f")
    models[0].predict(a, up, n, logits=out)
    check((out == b).all(), "a result in numpy's memory")
