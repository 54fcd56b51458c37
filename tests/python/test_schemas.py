"""Loading .capnp files."""

from pathlib import Path

import polybus
import pytest

HERE = Path(__file__).parent


def test_types_of_a_file_are_attributes_and_nested_types_theirs(words):
    assert "Imu" in words.names
    assert words.Everything.Inner.name == "Everything.Inner"
    assert words.Everything.Inner.Deeper.name == "Everything.Inner.Deeper"
    assert words["Everything.Inner.Deeper"] == words.Everything.Inner.Deeper
    assert "Imu" in dir(words)


def test_a_type_says_what_it_is(words):
    assert words.Imu.name == "Imu"
    assert words.Imu.type_name == "words.capnp:Imu"
    assert words.Imu.fields == ("stampNs", "frameId", "accel", "pixels")
    assert len(words.Imu.fingerprint) == 64
    assert words.Old.id == 0xA0B1C2D3E4F50617
    assert "words.capnp:Imu" in repr(words.Imu)


def test_a_path_may_be_str_or_path_and_imports_are_found_beside_the_file(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far/far.capnp").write_text("@0xd4f1c2b3a5968773; struct Far { a @0 :Int8; }")
    main = tmp_path / "main.capnp"
    main.write_text('@0xd4f1c2b3a5968774; using F = import "far/far.capnp"; struct Main { far @0 :F.Far; }')
    assert polybus.load_schema(str(main)).Main == polybus.load_schema(main).Main


def test_imports_are_looked_up_in_the_import_paths(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/far.capnp").write_text("@0xd4f1c2b3a5968775; struct Far { a @0 :Int8; }")
    main = tmp_path / "main.capnp"
    main.write_text('@0xd4f1c2b3a5968776; using F = import "/far.capnp"; struct Main { far @0 :F.Far; }')
    with pytest.raises(polybus.BadSchemaError, match=r"far\.capnp"):
        polybus.load_schema(main)
    assert polybus.load_schema(main, [tmp_path / "lib"]).Main.fields == ("far",)


def test_files_that_use_the_same_ids_for_different_types_live_side_by_side(tmp_path):
    files = []
    for i, kind in enumerate(("Int8", "Text")):
        path = tmp_path / f"v{i}.capnp"
        path.write_text(f"@0xd4f1c2b3a5968777; struct Same @0xd4f1c2b3a5968778 {{ a @0 :{kind}; }}")
        files.append(polybus.load_schema(path))
    assert files[0].Same.decode(files[0].Same.encode(a=3)).a == 3
    assert files[1].Same.decode(files[1].Same.encode(a="three")).a == "three"
    assert files[0].Same != files[1].Same


def test_a_missing_file_is_an_io_error_that_names_it():
    with pytest.raises(polybus.IoError, match=r"nowhere\.capnp") as caught:
        polybus.load_schema("/tmp/nowhere.capnp")
    assert caught.value.code == "IO"
    assert isinstance(caught.value, OSError)


def test_a_broken_file_is_a_bad_schema_that_names_the_line(tmp_path):
    path = tmp_path / "broken.capnp"
    path.write_text("@0xd4f1c2b3a5968779;\nstruct Broken { a @0 :Intt8; }\n")
    with pytest.raises(polybus.BadSchemaError, match=r"broken\.capnp:2:") as caught:
        polybus.load_schema(path)
    assert caught.value.code == "BAD_SCHEMA"


def test_an_unknown_type_is_an_error_that_names_what_there_is(words):
    with pytest.raises(polybus.FieldError, match=r"Imu2.*Imu"):
        _ = words.Imu2
    with pytest.raises(polybus.BadSchemaError, match=r"Imu2.*Imu"):
        _ = words["Imu2"]
    assert not hasattr(words, "Imu2")
    assert not hasattr(words.Imu, "Inner")


@pytest.mark.parametrize("path", [3, None, "a\0b", ["words.capnp"]])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(polybus.InvalidArgumentError, match="path"):
        polybus.load_schema(path)


def test_import_paths_must_be_a_sequence_of_paths():
    with pytest.raises(polybus.InvalidArgumentError, match="import_paths"):
        polybus.load_schema(HERE / "words.capnp", "/tmp")


def test_a_bundle_carries_the_type_to_where_there_is_no_file(words):
    again = polybus.Schema.from_bundle(words.Everything.bundle)
    assert again == words.Everything
    assert hash(again) == hash(words.Everything)
    assert again.decode(words.Everything.encode(text="x")).text == "x"


@pytest.mark.parametrize("bundle", [b"", b"abc", b"\0" * 64])
def test_a_broken_bundle_is_a_bad_schema(bundle):
    with pytest.raises(polybus.BadSchemaError):
        polybus.Schema.from_bundle(bundle)


def test_a_bundle_with_a_name_that_is_not_utf8_is_refused(words):
    bundle = bytes(words.Everything.bundle)
    assert b"\0accel\0" in bundle
    damaged = bundle.replace(b"\0accel\0", b"\0\xffccel\0")
    with pytest.raises(polybus.BadSchemaError, match="not UTF-8"):
        polybus.Schema.from_bundle(damaged)
