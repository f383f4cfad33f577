//! Where a tile of the tree has its place, C2SP tlog-tiles: `tile/<L>/<N>`, the number in groups of three digits, all
//! but the last behind an `x`; the tile at the right edge ends in `.p/<W>`.

/// The path of the tile `number` of a row (a level, or `entries`) that holds `width` of 256 hashes.
pub fn tile_path(row: &str, number: u64, width: u64) -> String {
    let mut groups = vec![format!("{:03}", number % 1000)];
    let mut rest = number / 1000;
    while rest > 0 {
        groups.push(format!("x{:03}", rest % 1000));
        rest /= 1000;
    }
    groups.reverse();
    let partial = if width < 256 { format!(".p/{width}") } else { String::new() };
    format!("tile/{row}/{}{partial}", groups.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(tile_path("0", 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(tile_path("0", 0, 256), "tile/0/000");
        assert_eq!(tile_path("1", 17, 3), "tile/1/017.p/3");
        assert_eq!(tile_path("entries", 1000, 255), "tile/entries/x001/000.p/255");
    }
}
