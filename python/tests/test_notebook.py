"""The progress bar and the tables of notebooks, in a real kernel: what it sends is what a notebook shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

jupyter_client = pytest.importorskip("jupyter_client")
pytest.importorskip("ipykernel")

KERNEL_SECONDS = 60
ENDLESS = "SELECT count(*) FROM range(10000000000) a, range(1000000) b WHERE (a.range + b.range) % 7 = 3"
PREPARE = f"""
import threading, dask.array, numpy as np, xarray as xr, colonnade as cn
begun, shown = threading.Event(), threading.Event()

def look(message):  # at what the kernel is about to send
    if "<progress" in str(message["content"]):
        shown.set()
    return message

get_ipython().display_pub.register_hook(look)

def block(values):
    # A thread of the engine's reads one block, for as long as no bar has been shown; the cell's own reads the others.
    if threading.current_thread() is threading.main_thread():
        assert begun.wait({KERNEL_SECONDS})
    else:
        begun.set()
        assert shown.wait({KERNEL_SECONDS})
    return values

values = dask.array.arange(40.0, chunks=10).map_blocks(block, dtype="f8", meta=np.empty(0))
con = cn.connect(threads=2)
con.register("slow", xr.Dataset({{"v": ("x", values)}}, {{"x": np.arange(40)}}))
"""
Messages = list[tuple[str, dict[str, Any]]]


class Kernel:
    """A notebook's other side: runs cells and gives the messages that make their outputs."""

    def __init__(self) -> None:
        self.manager, self.client = jupyter_client.manager.start_new_kernel(startup_timeout=KERNEL_SECONDS)

    def run(self, code: str, on_display: Callable[[], None] = lambda: None) -> Messages:
        cell = self.client.execute(code)
        messages: Messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=KERNEL_SECONDS)
            if message["parent_header"].get("msg_id") != cell:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return messages
            if kind in ("display_data", "update_display_data", "execute_result", "error", "stream"):
                messages.append((kind, content))
            if kind == "display_data":
                on_display()

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        kernel = Kernel()
        try:
            assert kernel.run(PREPARE) == []
            yield kernel
        finally:
            kernel.close()


def test_a_slow_query_has_a_bar_that_is_updated_and_gone_at_the_end(kernel: Kernel) -> None:
    messages = kernel.run("con.sql('SELECT sum(v) AS total FROM slow')")
    (first, shown), *updates, (last, result) = messages
    assert first == "display_data" and {kind for kind, _ in updates} == {"update_display_data"}
    assert {content["transient"]["display_id"] for _, content in updates} == {shown["transient"]["display_id"]}
    fractions = []
    for _, content in [(first, shown), *updates[:-1]]:
        html, text = content["data"]["text/html"], content["data"]["text/plain"]
        fraction = float(re.search(r'<progress max="1" value="([\d.]+)"', html)[1])
        assert re.fullmatch(rf"{fraction:.0%}, \d+ s left, \d chunks, [\d.]+ MB, [\d.]+ MB/s", text), text
        fractions.append(fraction)
    assert fractions == sorted(fractions) and 0 < fractions[0] < 1
    assert updates[-1][1]["data"] == {"text/plain": "", "text/html": ""}
    assert last == "execute_result"
    assert re.search(r"<table>.*total.*780\.0", result["data"]["text/html"], re.DOTALL)
    assert "total" in result["data"]["text/plain"]


def test_an_interrupted_query_leaves_no_bar_behind(kernel: Kernel) -> None:
    messages = kernel.run(f"con.sql('''{ENDLESS}''').fetchall()", kernel.manager.interrupt_kernel)
    (first, shown), *updates, (last, error) = messages
    # What is left to do is not known: no bar that stands still, but the time.
    assert first == "display_data" and re.fullmatch(r"running for \d+ s", shown["data"]["text/plain"])
    assert "<progress" not in shown["data"]["text/html"]
    assert updates[-1][1]["data"] == {"text/plain": "", "text/html": ""}
    assert last == "error" and error["ename"] == "KeyboardInterrupt"
    (answer,) = kernel.run("con.sql('SELECT 1').fetchone()")
    assert answer[1]["data"] == {"text/plain": "(1,)"}


def test_a_quick_query_has_no_bar(kernel: Kernel) -> None:
    assert kernel.run("rows = con.sql('SELECT sum(range) FROM range(1000)').fetchall()") == []


def test_rows_are_a_table_of_one_line_each_and_nothing_in_them_is_markup(kernel: Kernel) -> None:
    query = "SELECT '<b>' || repeat('long ', 100) AS \"a<b\", NULL AS n FROM range(30)"
    ((_, result),) = kernel.run(f"con.sql({query!r})")
    html = result["data"]["text/html"]
    assert "<b>" not in html and "&lt;b&gt;long long" in html and "a&lt;b" in html and "<i>NULL</i>" in html
    cells = re.findall(r"<td style=\"([^\"]*)\">(.*?)</td>", html)
    assert len(cells) == 40 and all("white-space: nowrap" in style and len(text) < 100 for style, text in cells)
    assert "the first 20 rows; there are more" in html
