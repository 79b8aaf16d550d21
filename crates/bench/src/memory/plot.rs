//! Memory over time as a picture (SVG): the server above, its executors below.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::Story;
use super::sampler::{Memory, Moment};

const SIZE: (u32, u32) = (960, 640);
const FONT: &str = "sans-serif";
/// Paper of its own: readers' pages may be dark.
const PAPER: RGBColor = WHITE;
const ALL: RGBColor = RGBColor(31, 119, 180);
const ANONYMOUS: RGBColor = RGBColor(214, 112, 30);
const MARK: RGBColor = RGBColor(140, 140, 140);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub(crate) fn draw(story: &Story) -> anyhow::Result<String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        root.fill(&PAPER)?;
        let (upper, lower) = root
            .titled(&story.title, (FONT, 22))?
            .split_vertically(SIZE.1 / 2 - 20);
        chart(&upper, story, "server, MiB", |moment| moment.server)?;
        chart(&lower, story, "all executors, MiB", |moment| {
            moment.executing
        })?;
        root.present()?;
    }
    Ok(text)
}

fn chart(
    area: &Area<'_>,
    story: &Story,
    what: &str,
    of: impl Fn(&Moment) -> Memory,
) -> anyhow::Result<()> {
    let seconds = |moment: &Moment| moment.at.as_secs_f64();
    let end = story.moments.last().map_or(1.0, seconds);
    let most = story
        .moments
        .iter()
        .map(|moment| of(moment).pss)
        .fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..end, 0.0..most * 1.12)?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .y_desc(what)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .axis_desc_style((FONT, 15))
        .label_style((FONT, 13))
        .light_line_style(PAPER)
        .draw()?;
    for (at, mark) in story.marks.iter().enumerate() {
        let x = seconds(&mark.moment);
        let line = [(x, 0.0), (x, most * 1.12)];
        chart.draw_series(LineSeries::new(line, MARK.mix(0.5)))?;
        // Its row in the table.
        let label = Text::new(
            format!("{}", at + 1),
            (x, most * 1.11),
            (FONT, 13).into_font().color(&BLACK),
        );
        chart.draw_series([label])?;
    }
    let line = |value: fn(Memory) -> f64| {
        let points = story.moments.iter();
        points
            .map(|moment| (seconds(moment), value(of(moment))))
            .collect::<Vec<_>>()
    };
    for (name, color, value) in [
        ("all (PSS)", ALL, (|memory| memory.pss) as fn(Memory) -> f64),
        ("of no file", ANONYMOUS, |memory| memory.anonymous),
    ] {
        chart
            .draw_series(LineSeries::new(line(value), color.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(PAPER.mix(0.85))
        .border_style(MARK)
        .label_font((FONT, 13))
        .draw()?;
    Ok(())
}
