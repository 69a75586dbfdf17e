"""What the report holds of others: pinned, unchanged, with its licence, and harmless inside a page."""

import hashlib

from partway.results.report.parts import LOOK, OWN, TEMPLATES, VENDOR, listed, scripts, with_licences


def test_parts_of_others_are_as_their_authors_published_them():
    listed_files = {part[name] for part in listed() for name in ("file", "licence_file")}
    found = {path.relative_to(VENDOR).as_posix() for path in VENDOR.glob("*/*")}
    assert found == listed_files
    for part in listed():
        assert hashlib.sha256((VENDOR / part["file"]).read_bytes()).hexdigest() == part["sha256"], part["file"]


def test_the_readme_names_each_with_version_and_licence():
    readme = (VENDOR / "README.md").read_text()
    for part in with_licences():
        licence = part["licence"].partition(" ")[0]
        assert f"| {part['name']} | {part['version']} | {licence} |" in readme
        assert len(part["licence_text"]) > 500


def test_every_script_and_style_of_the_page_is_in_it():
    assert {path.name for path in TEMPLATES.glob("*.js")} == set(OWN)
    assert {path.name for path in TEMPLATES.glob("*.css")} == set(LOOK)


def test_no_script_can_end_before_its_end():
    for script in scripts():
        assert "</script" not in script.text.lower()
        assert "<!--" not in script.text
