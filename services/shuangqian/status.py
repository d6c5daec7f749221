"""`status`: where one submission is, or all of them."""

from shuangqian import show
from shuangqian.client import Json, ask, stream
from shuangqian.outcomes import TAKEN_IN
from shuangqian.profiles import Access
from web.languages import _
from web.shell import note, out, print_json


def one(access: Access, reference: str, as_json: bool) -> int:
    """A submission with its story."""
    item = ask(access, f"/submissions/{stream(access, reference)}")
    if as_json:
        print_json(item)
    else:
        show.detail(out(), item)
    return TAKEN_IN


def many(access: Access, *, status: str | None, kind: str | None, limit: int, after: str | None, as_json: bool) -> int:
    """The latest changed submissions, as many as asked for; as JSON, whole pages, since `next` is a page's."""
    items: list[Json] = []
    while len(items) < limit:
        page = ask(access, "/submissions", status=status, kind=kind, after=after)
        items += page["items"]
        after = page["next"]
        if after is None:
            break
    if as_json:
        print_json({"items": items, "next": after})
        return TAKEN_IN
    if not items:
        nothing = _("There is nothing yet. Send the first with: shuangqian submit FILE")
        note(_("There is nothing of this kind or status.") if status or kind else nothing)
        return TAKEN_IN
    show.listing(out(), items[:limit])
    if after or items[limit:]:
        note(_("There are more: --limit %s") % (limit * 4))
    return TAKEN_IN
