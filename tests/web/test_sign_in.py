"""Signing in, with a real browser."""

from __future__ import annotations

import pytest

from tests.web.browsing import Visitor, find_barriers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def test_a_stranger_is_sent_to_sign_in_and_brought_back(visitor: Visitor) -> None:
    stranger = visitor.context.browser.new_context(base_url=visitor.server.url)  # type: ignore[union-attr]
    page = stranger.new_page()
    page.goto("/ui/compare?ids=a,b")
    assert page.url.endswith("/ui/sign-in?next=%2Fui%2Fcompare%3Fids%3Da%2Cb")
    assert find_barriers(page) == []
    page.get_by_label("Admin secret").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("That is not the secret of this server.").wait_for()
    stranger.close()
