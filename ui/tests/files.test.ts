import { describe, expect, it } from "vitest";
import { asCsv, cellOf } from "../src/files.ts";

describe("files", () => {
  it.each([
    ["=1+1", "'=1+1"], ["+7", "'+7"], ["-x", "'-x"], ["@x", "'@x"], ["\tx", "'\tx"], ["\r=x", '"\'\r=x"'], ['a"b', '"a""b"'], ["a,b", '"a,b"'], [-480, "-480"], [null, ""], ["yto", "yto"],
  ])("has of %j the cell %j", (value, cell) => expect(cellOf(value)).toBe(cell));

  it("has a line for each row, and begins with the mark of UTF-8", () => {
    expect(asCsv([["a", 1], ["b,c", null]])).toBe('\uFEFFa,1\r\n"b,c",\r\n');
  });
});
