import type { QualitySample } from '@byon/sdk';

const SECONDS = 60;
const BEST_MOS = 4.5;
const WORST_MOS = 1;

/** How good a call is, in a word and a number of bars. */
export function gradeOf({ mos }: QualitySample): { text: string; bars: number } {
  if (mos >= 4) return { text: 'Excellent', bars: 4 };
  if (mos >= 3.6) return { text: 'Good', bars: 3 };
  if (mos >= 3) return { text: 'Fair', bars: 2 };
  return { text: 'Poor', bars: 1 };
}

/** The last minute of a call: estimated quality as a line, lost packets as bars from below. */
export class QualityGraph {
  readonly #canvas: HTMLCanvasElement;
  #samples: QualitySample[] = [];
  readonly #redraw = () => this.draw();

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    // Its colours are those of the page at the time of drawing.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', this.#redraw);
    document.addEventListener('themechange', this.#redraw);
  }

  close(): void {
    matchMedia('(prefers-color-scheme: dark)').removeEventListener('change', this.#redraw);
    document.removeEventListener('themechange', this.#redraw);
  }

  add(sample: QualitySample): void {
    this.#samples = [...this.#samples, sample].slice(-SECONDS);
    this.draw();
  }

  draw(): void {
    const context = this.#canvas.getContext('2d');
    const { clientWidth, clientHeight } = this.#canvas;
    if (!context || clientWidth === 0) return;
    const scale = globalThis.devicePixelRatio || 1;
    this.#canvas.width = clientWidth * scale;
    this.#canvas.height = clientHeight * scale;
    context.scale(scale, scale);
    const style = getComputedStyle(this.#canvas);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const yOf = (mos: number) => 6 + (1 - (mos - WORST_MOS) / (BEST_MOS - WORST_MOS)) * (clientHeight - 12);
    const step = clientWidth / (SECONDS - 1);
    const xOf = (index: number) => clientWidth - (this.#samples.length - 1 - index) * step;

    context.strokeStyle = colour('--graph-line');
    context.lineWidth = 1;
    context.setLineDash([2, 4]);
    for (const mos of [2, 3, 4]) {
      context.beginPath();
      context.moveTo(0, Math.round(yOf(mos)) + 0.5);
      context.lineTo(clientWidth, Math.round(yOf(mos)) + 0.5);
      context.stroke();
    }
    context.setLineDash([]);

    context.fillStyle = colour('--graph-loss');
    this.#samples.forEach(({ lossPercent }, index) => {
      if (lossPercent <= 0) return;
      const height = Math.max(2, Math.min(1, lossPercent / 20) * clientHeight);
      context.fillRect(xOf(index) - step / 2, clientHeight - height, Math.max(2, step - 1), height);
    });

    if (this.#samples.length === 0) return;
    context.beginPath();
    this.#samples.forEach(({ mos }, index) => context.lineTo(xOf(index), yOf(mos)));
    context.strokeStyle = colour('--graph-ink');
    context.lineWidth = 2;
    context.lineJoin = 'round';
    context.stroke();
    context.lineTo(clientWidth, clientHeight);
    context.lineTo(xOf(0), clientHeight);
    context.fillStyle = colour('--graph-fill');
    context.fill();
  }
}
