"""The launcher: `python -m deploy.local run [--once]` and `python -m deploy.local reset`. `make run` calls it."""

import asyncio
import os
import shutil
import signal
import time
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.local import ports, table
from deploy.local.control import listening
from deploy.local.lock import Locked, lock
from deploy.local.story import tell
from deploy.local.supervise import CannotStart, Child, Process, end, how_it_ended, kill, spawn, wait_until_ready, watch
from deploy.local.table import Stack
from deploy.local.workers import Workers
from runtime.admin import create_topics
from runtime.consumers import Groups, followed
from runtime.speech import either

FOLDER = Path(".run")
INTERRUPTED = 130

cli = typer.Typer(add_completion=False, help=either("The local stack", "本机环境"), pretty_exceptions_enable=False)


@cli.command()
def run(
    once: Annotated[bool, typer.Option("--once", help=either("Exit after the story", "讲完故事就退出"))] = False,
    story: Annotated[bool, typer.Option(help=either("Do the main job first", "先完成主流程演示"))] = True,
    folder: Annotated[Path, typer.Option(help=either("Where data is kept", "数据存放目录"))] = FOLDER,
) -> None:
    """Start everything, do the main job and tell it, then stay up until Ctrl-C."""
    console = _console()
    try:
        chosen = ports.ports(os.environ)
    except ValueError as unsuitable:
        raise typer.Exit(_refuse(console, str(unsuitable))) from None
    try:
        with lock(folder) as stale:
            if stale:
                console.print(_took_over(stale))
            if complaint := _complaint_about(chosen):
                status = _refuse(console, complaint)
            else:
                status = asyncio.run(
                    Launcher(console, table.stack(folder.resolve(), chosen), once=once, story=story).run()
                )
    except Locked as locked:
        status = _refuse(console, _running_already(locked))
    raise typer.Exit(status)


@cli.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", help=either("Do not ask", "不再询问"))] = False,
    folder: Annotated[Path, typer.Option(help=either("Where data is kept", "数据存放目录"))] = FOLDER,
) -> None:
    """Delete the data that `run` keeps."""
    console = _console()
    if not folder.exists():
        console.print(either(f"There is nothing to delete: {folder} does not exist.", f"无需删除：{folder} 不存在。"))
        return
    question = either(f"Delete everything in {folder}?", f"删除 {folder} 中的全部数据？")
    if not yes and not typer.confirm(question):
        raise typer.Exit(1)
    try:
        with lock(folder):
            shutil.rmtree(folder)
    except Locked as locked:
        raise typer.Exit(_refuse(console, _running_already(locked))) from None
    console.print(either(f"Deleted {folder}.", f"已删除 {folder}。"))


class Launcher:
    """One run, from the first process started to the last one ended."""

    def __init__(self, console: Console, stack: Stack, *, once: bool, story: bool) -> None:
        self.console, self.stack, self.once, self.story = console, stack, once, story
        self.servers: list[Child] = []
        self.services: list[Child] = []
        self.workers = Workers(stack, self.services)
        self.started = self.up = False

    async def run(self) -> int:
        """Start, tell, wait and end; the exit status. SIGINT and SIGTERM end it, a second one in a hurry."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        main = asyncio.create_task(self._start_and_tell())
        stopped = asyncio.create_task(stop.wait())
        guard = asyncio.create_task(watch(self.servers, self.services, afresh=self._afresh))
        try:
            await asyncio.wait({main, stopped, guard}, return_when=asyncio.FIRST_COMPLETED)
            if guard.done():
                await guard
            if stopped.done():
                return 0 if self.up else INTERRUPTED
            return 0 if await main else 1
        except CannotStart as failed:
            return _refuse(self.console, str(failed))
        finally:
            for task in (main, guard):
                task.cancel()
            await asyncio.gather(main, guard, return_exceptions=True)
            stop.clear()
            await self._end_all(stop)

    async def _start_and_tell(self) -> bool:
        """True when every step of the story was as it must be; unless `once`, it then waits for ever."""
        began_s = time.monotonic()
        table.leave_word(self.stack)
        servers = await asyncio.to_thread(table.servers, self.stack)
        await self._start(either("Starting the servers", "正在启动基础服务"), servers, self.servers)
        await asyncio.to_thread(create_topics, self.stack.settings)
        services = table.services(self.stack)
        await self._start(either("Starting the services", "正在启动各项业务服务"), services, self.services)
        table.leave_targets(self.stack, services)
        self.started = True
        took_s = time.monotonic() - began_s
        self.console.print(
            either(f"All is up after {took_s:.1f} s.", f"全部就绪，用时 {took_s:.1f} 秒。"), style="bold"
        )
        async with listening(self.stack.folder, self.workers, self._lags):
            as_it_must_be = await tell(self.stack) if self.story else True
            if not self.once:
                self.up = True
                _print_addresses(self.console, self.stack)
                await asyncio.Event().wait()
        return as_it_must_be

    async def _lags(self) -> dict[str, Any]:
        """What each consumer group has still to read, as `shuangqian ops status` tells it."""
        return await asyncio.to_thread(_lags, self.stack)

    async def _start(self, what: str, processes: tuple[Process, ...], children: list[Child]) -> None:
        # From this thread, which lives as long as the launcher: see `spawn`.
        children += [spawn(process, self.stack.folder / "log") for process in processes]
        if not self.console.is_terminal:
            self.console.print(what)
        with self.console.status(what):
            await asyncio.gather(*(self._wait_for(child) for child in children))

    async def _wait_for(self, child: Child) -> None:
        took_s = await asyncio.to_thread(wait_until_ready, child)
        ready = either(f"ready in {took_s:4.1f} s", f"就绪，{took_s:4.1f} 秒")
        self.console.print(f"  [green]✓[/] {child.name:22}[dim]{ready}[/]")

    def _afresh(self, child: Child) -> bool:
        """A worker that ends by itself is started afresh, as any supervisor would; all else ends the run."""
        if not (self.started and self.workers.start_afresh(child)):
            return False
        how = how_it_ended(child)
        said = either(
            f"{child.name} ended ({how}): it is started afresh.", f"{child.name} 已结束（{how}），现重新启动。"
        )
        self.console.print(said)
        return True

    async def _end_all(self, hurry: asyncio.Event) -> None:
        """Services first, so that they can still finish with their servers."""
        if not self.servers:
            return
        self.console.print(either("Ending all that was started …", "正在结束启动的全部进程……"))
        ending = asyncio.create_task(asyncio.to_thread(lambda: end(self._ours()) + end(self.servers)))
        hurried = asyncio.create_task(hurry.wait())
        await asyncio.wait({ending, hurried}, return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            for child in (*self._ours(), *self.servers):
                kill(child)
        hurried.cancel()
        if killed := await ending:
            names = ", ".join(killed)
            self.console.print(either(f"Had to be killed: {names}", f"未能正常结束、已强制终止：{names}"))
        self.console.print(either("All ended.", "已全部结束。"))

    def _ours(self) -> list[Child]:
        return [*self.services, *self.workers.starting]


def _lags(stack: Stack) -> dict[str, Any]:
    with closing(Groups(stack.settings, followed())) as groups:
        return {
            group.name: {"waiting": sum(part.lag for part in group.parts), "workers": len(group.members)}
            for group in groups.read()
        }


def _console() -> Console:
    console = Console(highlight=False, soft_wrap=True)
    # Where there is no terminal, there is no width to keep to either.
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=160)


def _print_addresses(console: Console, stack: Stack) -> None:
    rows: tuple[tuple[str, str, set[str]], ...] = (
        ("公开目录 Catalogue", stack.url("publishing"), set()),
        ("申报 Submissions", stack.url("submissions"), {"partner"}),
        ("评审 Review", stack.url("review"), {"reviewer"}),
        ("发布 Publishing", stack.url("publishing"), {"publisher"}),
        ("订阅 Subscriptions", stack.url("notifications"), set()),
        ("运维 Operations", f"{stack.url('review')}/console", {"operator", "onlooker"}),
        ("审计 Audit", stack.url("audit"), {"auditor"}),
        ("收件箱 Inbox", stack.inbox_url, set()),
    )
    addresses = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 3, 0, 0))
    for heading in (either("Page", "页面"), either("Address", "地址"), either("Who can sign in", "谁可以登录")):
        addresses.add_column(heading, overflow="fold")
    for page, address, roles in rows:
        subs = ", ".join(each.sub for each in stack.people if roles & set(each.roles))
        addresses.add_row(page, address, subs if roles else either("everyone, without signing in", "任何人，无需登录"))
    console.print()
    console.print(addresses, soft_wrap=False)
    console.print()
    scale = "shuangqian ops scale review-worker=3"
    console.print(either(f"More workers, while all runs: {scale}", f"运行中增加工作进程：{scale}"))
    console.print(either("Ctrl-C ends it; the data is kept.", "按 Ctrl-C 结束，数据会保留。"), style="bold")


def _complaint_about(chosen: dict[str, int]) -> str:
    """What is wrong with the chosen ports, a line each; empty when nothing is."""
    same = [
        either(
            f"Port {port} is given to both {one} and {other}: change {ports.variable(other)}.",
            f"端口 {port} 同时分给了 {one} 和 {other}：请修改 {ports.variable(other)}。",
        )
        for one, other, port in ports.repeated(chosen)
    ]
    taken = [
        either(
            f"Port {each.port}, wanted by {each.name}, is in use. Set {each.variable} to another one.",
            f"{each.name} 需要的端口 {each.port} 已被占用。请用 {each.variable} 另选一个。",
        )
        for each in ports.taken(chosen)
    ]
    return "\n".join(same + taken)


def _running_already(locked: Locked) -> str:
    return either(f"It is running already, as pid {locked.pid}.", f"已经在运行，进程号 {locked.pid}。")


def _took_over(pid: int) -> str:
    return either(
        f"The last run (pid {pid}) ended without tidying up; its lock is taken over.",
        f"上一次运行（进程号 {pid}）没有正常结束，已接管它留下的锁。",
    )


def _refuse(console: Console, why: str) -> int:
    console.print(why, style="red", markup=False)
    return 1


if __name__ == "__main__":
    cli()
