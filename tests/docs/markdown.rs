//! As much of Markdown as the pages use: headings with their anchors, tables, blocks of code, links.

/// A heading, and what stands below it until the next one.
pub struct Section<'p> {
    /// As it is written, without the `#`s.
    pub heading: &'p str,
    /// How many `#`s.
    pub depth: usize,
    /// Lines of code are left out.
    pub lines: Vec<&'p str>,
}

/// A block of code.
pub struct Block<'p> {
    /// What stands behind the fence, as `sh console-test`.
    pub info: &'p str,
    /// Its lines.
    pub lines: Vec<&'p str>,
    /// The line of the fence, from 1.
    pub line: usize,
}

/// The sections; the first is what stands above all headings.
pub fn sections(page: &str) -> Vec<Section<'_>> {
    let mut sections = vec![Section { heading: "", depth: 0, lines: Vec::new() }];
    let mut in_code = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            let depth = line.bytes().take_while(|byte| *byte == b'#').count();
            match line[depth..].strip_prefix(' ') {
                Some(heading) if depth > 0 => {
                    sections.push(Section { heading: heading.trim(), depth, lines: Vec::new() });
                }
                Some(_) | None => sections.last_mut().unwrap().lines.push(line),
            }
        }
    }
    assert!(!in_code, "a block of code does not end");
    sections
}

/// The blocks of code.
pub fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (number, line) in page.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                open = Some(Block { info: info.trim(), lines: Vec::new(), line: number + 1 });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push(line),
            (None, None) => {}
        }
    }
    blocks
}

/// The cells of each row of the tables, but for their heads.
pub fn rows<'p>(section: &Section<'p>) -> Vec<Vec<&'p str>> {
    let mut rows = Vec::new();
    let mut is_head = true;
    for line in &section.lines {
        let Some(row) = line.strip_prefix('|').and_then(|row| row.strip_suffix('|')) else {
            is_head = true;
            continue;
        };
        if row.bytes().all(|byte| b"|- :".contains(&byte)) {
            is_head = false;
        } else if !is_head {
            rows.push(cells(row));
        }
    }
    rows
}

/// What is escaped does not part.
fn cells(row: &str) -> Vec<&str> {
    let is_bar = |(place, _): &(usize, &str)| !row[..*place].ends_with('\\');
    let bars: Vec<_> = row.match_indices('|').filter(is_bar).map(|(place, _)| place).collect();
    let begins = std::iter::once(0).chain(bars.iter().map(|bar| bar + 1));
    begins.zip(bars.iter().copied().chain([row.len()])).map(|(from, to)| row[from..to].trim()).collect()
}

/// The words in code of a text.
pub fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn what_a_page_consists_of_is_found() {
    let page = "a\n# One `x`\n| h |\n|---|\n| `A`, `B` | c \\| d |\n```sh go\n# no heading\n```\n## Two\n";
    let sections = sections(page);
    let headings: Vec<_> = sections.iter().map(|section| (section.heading, section.depth)).collect();
    assert_eq!(headings, [("", 0), ("One `x`", 1), ("Two", 2)]);
    assert_eq!(rows(&sections[1]), [["`A`, `B`", "c \\| d"]]);
    assert_eq!(code("`A`, `B`"), ["A", "B"]);
    let blocks = blocks(page);
    assert_eq!(
        (blocks[0].info, blocks[0].line, blocks[0].lines.as_slice()),
        ("sh go", 6, &["# no heading"][..])
    );
}

/// The anchor of a heading, as GitHub makes it: without what is neither letter, digit, blank, dash nor underscore.
pub fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}
