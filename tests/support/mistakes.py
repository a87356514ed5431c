"""Makes one small mistake in a C source: mistakes.py SEED FOLDER... draws a file of these folders, by its lines, a place in it and
a mistake, writes the file with it and prints "path:line: was -> is". The same seed and sources make the same mistake. Comments,
texts, what only ends the compiler (`die`) and how much memory is taken are left alone."""
import pathlib
import random
import re
import sys

WORD = r"[A-Za-z_][\w]*(?:(?:->|\.)\w+|\[\w+\])*"
EXCHANGED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&", "+": "-", "-": "+",
             "*": "+", "/": "*", "%": "/", "+=": "-=", "-=": "+=", "true": "false", "false": "true"}
OPERATOR = re.compile(r"(?<= )(" + "|".join(re.escape(o) for o in sorted(EXCHANGED, key=len, reverse=True) if o[0] not in "tf")
                      + r")(?= )|\b(true|false)\b")


def exchanged(line, r):
    """Another operator: a bound that is off by one, a condition that asks the opposite."""
    places = list(OPERATOR.finditer(line))
    if places:
        m = r.choice(places)
        return line[:m.start()] + EXCHANGED[m.group()] + line[m.end():]


def off_by_one(line, r):
    places = list(re.finditer(r"(?<![\w.])(\d+)(?![\w.])", line))
    if places:
        m = r.choice(places)
        return line[:m.start()] + str(int(m.group()) + r.choice([1, -1] if m.group() != "0" else [1])) + line[m.end():]


def negated(line, r):
    """if (c) -> if (!(c)), where the condition ends in its line."""
    m = re.search(r"\b(?:if|while) \(", line)
    depth = 0
    for k in range(m.end() - 1, len(line)) if m else ():
        depth += {"(": 1, ")": -1}.get(line[k], 0)
        if depth == 0:
            return line[:m.end()] + "!(" + line[m.end():k] + ")" + line[k:]


def swapped(line, r):
    """Two operands, or two arguments that stand side by side, the other way round."""
    places = list(re.finditer(rf"(?<=[(, ])({WORD})( [-/%<>] |, )({WORD})(?=[),; ])", line))
    places = [m for m in places if m.group(1) != m.group(3)]
    if places:
        m = r.choice(places)
        return line[:m.start()] + m.group(3) + m.group(2) + m.group(1) + line[m.end():]


def dropped(line, r):
    """A statement that is a line of its own and declares nothing."""
    if re.match(rf"^ +(?:{WORD} [-+*/|&]?= .*;|{WORD}\(.*\);|{WORD}(?:\+\+|--);|continue;|break;)$", line):
        return re.match(r"^ *", line).group() + ";"


def unguarded(line, r):
    """`if (c) statement` in one line, always."""
    m = re.match(r"^( +)if \(.*\) (?:return|continue|break|" + WORD + r")\b.*;$", line)
    if m:
        return m.group(1) + ";"


def main():
    r = random.Random(int(sys.argv[1]))
    files = sorted(f for folder in sys.argv[2:] for f in pathlib.Path(folder).glob("*.c"))
    texts = [f.read_text().split("\n") for f in files]
    while True:
        k = r.choices(range(len(files)), [len(t) for t in texts])[0]
        n = r.randrange(len(texts[k]))
        line = texts[k][n]
        code = re.sub(r'//.*|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'', lambda m: " " * len(m.group()), line)
        if not line.startswith("  ") or re.search(r"\bdie\(|\barena_array\(", line) or code.strip() != line.strip():
            continue  # outside of functions and tables, or with a text or a comment
        wrong = r.choice([exchanged, exchanged, off_by_one, negated, swapped, dropped, unguarded])(line, r)
        if wrong is not None and wrong != line:
            break
    texts[k][n] = wrong
    files[k].write_text("\n".join(texts[k]))
    print(f"{files[k]}:{n + 1}: {line.strip()} -> {wrong.strip()}")


main()
