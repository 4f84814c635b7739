"""What control words of RTF mean here."""

CODEPAGES = {
    0: "cp1252",
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gb18030",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    255: "cp437",
}
"""Encodings by the charset of a font."""

CHARACTERS = {
    "tab": "\t",
    "line": "\n",
    "emdash": "—",
    "endash": "–",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "bullet": "•",
    "emspace": " ",
    "enspace": " ",
    "nestcell": " ",
    "cellx": "",
}

SKIPPED = frozenset(
    (
        "fonttbl colortbl pict objdata objclass objname themedata colorschememapping datastore xmlnstbl listtable "
        "listoverridetable generator rsidtbl latentstyles nonshppict shprslt sp bkmkstart bkmkend pn pnseclvl "
        "atnid atnauthor atntime atnref atrfstart atrfend private revtbl template ftnsep ftnsepc aftnsep aftnsepc "
        "mmathPr wgrffmtfilter defchp defpap userprops docvar passwordhash xe tc filetbl fontemb fontfile panose "
        "falt picprop blipuid blipuid background htmltag mhtmltag formfield datafield printim operator company "
        "category manager doccomm hlinkbase creatim revtim buptim nextfile keywords subject comment"
    ).split()
)
"""Destinations whose text nobody sees."""

ASIDES = {
    "footnote": "Footnote",
    "annotation": "Comment",
    "header": "Header",
    "headerl": "Header",
    "headerr": "Header",
    "headerf": "Header",
    "footer": "Footer",
    "footerl": "Footer",
    "footerr": "Footer",
    "footerf": "Footer",
}
"""Destinations whose text goes to the end of the page."""

STARRED = frozenset("shpinst shptxt annotation fldinst listtext pntext ud result".split())
"""Destinations that are read although their star lets readers skip them."""

INFO = {"title": "title", "author": "author"}
