"""Bytes of a model on disk: JSON and arrays that are equal when their content is, read whole and written whole."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from claims.errors import Damaged

MAX_BYTES = 512 * 1024 * 1024


def json_bytes(value: Any) -> bytes:
    """JSON with sorted keys."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"not plain JSON: {type(value).__name__}")


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as .npz with sorted names and no dates, so equal arrays give equal bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{k: np.ascontiguousarray(arrays[k]) for k in sorted(arrays)})
    return buffer.getvalue()


def thread_free(text: str) -> str:
    """LightGBM writes its thread count into the text; the model does not depend on it, so neither may its hash."""
    return re.sub(r"^\[num_threads: \d+\]$", "[num_threads: 0]", text, flags=re.MULTILINE)


def read_file(folder: Path, name: str) -> bytes:
    """The bytes of one file. UserError when it is missing, too large or a link."""
    path = folder / name
    try:
        if path.is_symlink() or path.stat().st_size > MAX_BYTES:
            raise damaged(folder, f"{name} 不是普通文件或过大")
        return path.read_bytes()
    except OSError:
        raise damaged(folder, f"缺少 {name}") from None


def damaged(folder: Path, what: str) -> Damaged:
    """What is said of a bundle that fails its checks."""
    return Damaged(
        f"模型 {folder.name[:12]} 未通过校验：{what}；已拒绝装载，现用名单不受影响。请从备份恢复该文件夹，或运行 xiezhi fit。"
    )
