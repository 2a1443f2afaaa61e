"""placeholder"""
from dataclasses import dataclass
@dataclass(frozen=True)
class TextFault:
    line: int; code: str; raw: str; detail: str = ""
def clean_csv(path, out, label): raise NotImplementedError
