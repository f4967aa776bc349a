/** Line plots as PNG files, drawn by chart.js in a browser without a window. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { chromium } from 'playwright-core';

/** One line: a value, or none, for each x of the plot. */
export interface Line {
  label: string;
  values: (number | null)[];
}
export interface Plot {
  file: string;
  title: string;
  x: number[];
  xTitle: string;
  yTitle: string;
  y: [number, number];
  lines: Line[];
}

const COLOURS = ['#8250df', '#1a7f37', '#d4720b', '#0969da', '#cf222e', '#57606a'];
const chartFolder = dirname(createRequire(import.meta.url).resolve('chart.js'));
const chartJs = readFileSync(join(chartFolder, 'chart.umd.js'), 'utf8');

/** `CHROMIUM` names the browser's program; by default Debian's. */
export async function draw(plots: Plot[]): Promise<void> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 760, height: 440 } });
    for (const plot of plots) {
      await page.setContent('<body style="margin:0"><canvas width="760" height="440"></canvas></body>');
      await page.addScriptTag({ content: chartJs });
      const configuration = {
        type: 'line',
        data: {
          labels: plot.x,
          datasets: plot.lines.map(({ label, values }, index) => ({
            label,
            data: values,
            borderColor: COLOURS[index % COLOURS.length],
            backgroundColor: COLOURS[index % COLOURS.length],
            pointRadius: 2.5,
            borderWidth: 2,
          })),
        },
        options: {
          animation: false,
          responsive: false,
          plugins: { title: { display: true, text: plot.title } },
          scales: {
            x: { title: { display: true, text: plot.xTitle } },
            y: { min: plot.y[0], max: plot.y[1], title: { display: true, text: plot.yTitle } },
          },
        },
      };
      await page.evaluate(`new Chart(document.querySelector('canvas'), ${JSON.stringify(configuration)})`);
      writeFileSync(plot.file, await page.screenshot());
    }
  } finally {
    await browser.close();
  }
}
