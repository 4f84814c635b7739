"""Flower as a person sees it: in a browser, with a password, while a document passes through."""

import socket
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from app.development.service import service
from app.stack.whole import Stack
from docrelay import Client, Job, JobFailed
from tests.flower.browser import base_url, browsing, signed_in

SECONDS = 30
HOST = socket.gethostname()
WORKERS = [f"{name}@{HOST}" for name in ("notify", "ocr", "parse", "recur", "vectorize")]
NAME = "quarterly report № 3.txt"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole service, embedded."""
    with service(tmp_path_factory.mktemp("service") / "home", with_flower=True) as stack:
        yield stack


@pytest.fixture(scope="module")
def job(stack: Stack) -> Job:
    """A job that has gone through."""
    with Client(stack.database_url) as client:
        submitted = client.submit(b"Sales rose by a third. " * 40, name=NAME, collection="finance")
        return client.wait(submitted.id, timeout=60)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A browser that nobody has used."""
    with browsing(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.mark.parametrize("path", ["/", "/tasks", "/workers", "/broker", "/api/tasks", "/api/workers"])
def test_nothing_is_shown_without_the_password(stack: Stack, path: str) -> None:
    url = base_url(stack.plan) + path
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, auth=(stack.plan.settings.flower_user, "guess")).status_code == 401


def test_what_is_open_for_monitoring_names_no_document(stack: Stack, job: Job) -> None:
    for path in ("/metrics", "/healthcheck"):
        answer = httpx.get(base_url(stack.plan) + path)
        assert answer.status_code == 200
        assert "quarterly" not in answer.text


def test_both_stages_of_the_document_are_listed_by_its_name(stack: Stack, job: Job, browser: Chrome) -> None:
    seen = _rows(browser, signed_in(stack.plan, "/tasks"), lambda rows: _ended(rows, job))
    ours = {row["name"]: row for row in seen if NAME in row["args"]}
    assert {name: row["worker"] for name, row in ours.items()} == {
        "docrelay.parse": f"parse@{HOST}",
        "docrelay.vectorize": f"vectorize@{HOST}",
    }
    for row in ours.values():
        assert row["state"] == "SUCCESS"
        assert row["args"].startswith(f"{NAME} · finance · job ")


def test_a_document_that_failed_is_listed_as_a_failure(stack: Stack, browser: Chrome) -> None:
    with Client(stack.database_url) as client:
        broken = client.submit(b"%PDF-1.7 and then nothing", name="broken.pdf", collection="finance")
        with pytest.raises(JobFailed):
            client.wait(broken.id, timeout=60)
    rows = _rows(
        browser, signed_in(stack.plan, "/tasks"), lambda rows: any("broken.pdf" in row["args"] for row in rows)
    )
    assert [row["state"] for row in rows if "broken.pdf" in row["args"]] == ["FAILURE"]


def test_a_task_leads_to_its_job_and_to_the_stage_before(stack: Stack, job: Job, browser: Chrome) -> None:
    rows = _rows(browser, signed_in(stack.plan, "/tasks"), lambda rows: _ended(rows, job))
    ids = {row["name"]: row["uuid"] for row in rows if NAME in row["args"]}
    browser.get(signed_in(stack.plan, f"/task/{ids['docrelay.vectorize']}"))
    text = browser.find_element(By.TAG_NAME, "body").text
    assert f"{NAME} · finance · job {job.id}" in text
    assert ids["docrelay.parse"] in text


def test_every_worker_is_online_by_a_name_that_can_be_read(stack: Stack, browser: Chrome) -> None:
    rows = _rows(browser, signed_in(stack.plan, "/workers"), lambda rows: len(rows) >= len(WORKERS))
    assert {row["worker"]: row["status"] for row in rows if "@" in row["worker"]} == dict.fromkeys(WORKERS, "Online")


def test_a_worker_answers_what_it_does(stack: Stack, browser: Chrome) -> None:
    """Flower asks at start, when nobody is there yet, and logs that it failed; and again when somebody looks."""
    browser.get(signed_in(stack.plan, f"/worker/parse@{HOST}"))
    assert "thread:TaskPool" in browser.find_element(By.TAG_NAME, "body").text
    answer = httpx.get(f"{base_url(stack.plan)}/api/workers?refresh=1", auth=_password(stack), timeout=SECONDS)
    queues = {name: [queue["name"] for queue in worker["active_queues"]] for name, worker in answer.json().items()}
    assert queues == {name: [f"docrelay.{name.partition('@')[0]}"] for name in WORKERS}


def test_it_is_for_looking_only(stack: Stack) -> None:
    """A click there would go behind the rows' back."""
    with Client(stack.database_url) as client:
        before = client.jobs()
        for path in ("/api/task/revoke/some-id?terminate=true", f"/api/worker/shutdown/parse@{HOST}"):
            assert httpx.post(base_url(stack.plan) + path, auth=_password(stack)).status_code in (401, 403, 404, 405)
        assert client.jobs() == before
    assert stack.wait_ready(0) == []


def _password(stack: Stack) -> tuple[str, str]:
    return stack.plan.settings.flower_user, stack.plan.settings.flower_password.get_secret_value()


def _ended(rows: list[dict[str, str]], job: Job) -> bool:
    return [row["state"] for row in rows if job.document.name in row["args"]] == ["SUCCESS"] * 2


def _rows(browser: Chrome, url: str, enough: Callable[[list[dict[str, str]]], bool]) -> list[dict[str, str]]:
    """The rows of a page's table by the names of its columns, once there are enough of them."""
    deadline = time.monotonic() + SECONDS
    while True:
        browser.get(url)
        time.sleep(0.5)  # the table asks for its rows when the page is there
        rows = _table(browser)
        if enough(rows):
            return rows
        assert time.monotonic() < deadline, f"{url} shows {rows}"


def _table(browser: Chrome) -> list[dict[str, str]]:
    try:
        # A second head, empty, keeps the columns of the scrolled body in line with the first.
        names = [head.text.lower() for head in browser.find_elements(By.CSS_SELECTOR, "thead th") if head.text]
        lines = browser.find_elements(By.CSS_SELECTOR, "tbody tr")
        cells = [[cell.text for cell in line.find_elements(By.TAG_NAME, "td")] for line in lines]
    except StaleElementReferenceException:  # it was being drawn
        return []
    return [dict(zip(names, line, strict=True)) for line in cells if len(line) == len(names)]
