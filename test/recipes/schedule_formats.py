"""What a plist and a Windows task say, read by real parsers: prints the program and its arguments as JSON.

Usage: schedule_formats.py plist FILE | task FILE SCHEMA
"""

import json
import plistlib
import sys

from lxml import etree

TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def split_windows(line):
    """The words of a command line, as programs on Windows split it (CommandLineToArgvW)."""
    words, word, quoted, backslashes, began = [], "", False, 0, False
    for char in line:
        if char == "\\":
            backslashes += 1
            continue
        if char == '"':
            word += "\\" * (backslashes // 2)
            began = True
            if backslashes % 2:
                word += '"'
            else:
                quoted = not quoted
            backslashes = 0
            continue
        word += "\\" * backslashes
        backslashes = 0
        if char == " " and not quoted:
            if began or word:
                words.append(word)
            word, began = "", False
        else:
            word += char
    word += "\\" * backslashes
    return words + ([word] if began or word else [])


def main(kind, file, schema=None):
    if kind == "plist":
        with open(file, "rb") as opened:
            found = plistlib.load(opened)
        return {"words": found["ProgramArguments"], "at": found["StartCalendarInterval"], "label": found["Label"]}
    document = etree.parse(file)
    etree.XMLSchema(etree.parse(schema)).assertValid(document)
    action = document.find(f"{TASK}Actions/{TASK}Exec")
    return {
        "words": [action.findtext(f"{TASK}Command"), *split_windows(action.findtext(f"{TASK}Arguments"))],
        "start": document.findtext(f".//{TASK}StartBoundary"),
    }


print(json.dumps(main(*sys.argv[1:])))
